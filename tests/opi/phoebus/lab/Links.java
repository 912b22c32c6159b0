package lab;

import java.net.URI;

import org.csstudio.display.builder.runtime.app.DisplayInfo;
import org.phoebus.framework.macros.Macros;

/** Takes the links of alarms apart as Phoebus does when one is followed.
 *
 *  Arguments: links. Prints for each the file and its macros as NAME=value, separated by tabs.
 */
public class Links
{
    public static void main(final String[] arguments) throws Exception
    {
        for (String link : arguments)
        {
            final DisplayInfo info = DisplayInfo.forURI(new URI(link));
            final StringBuilder line = new StringBuilder(info.getPath());
            info.getMacros().forEach((name, value) -> line.append('\t').append(name).append('=').append(value));
            System.out.println(line);
        }
    }
}
