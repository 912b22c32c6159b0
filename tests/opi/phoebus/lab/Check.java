package lab;

import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

import org.csstudio.display.builder.model.DisplayModel;
import org.csstudio.display.builder.model.Version;
import org.csstudio.display.builder.model.Widget;
import org.csstudio.display.builder.model.WidgetDescriptor;
import org.csstudio.display.builder.model.WidgetFactory;
import org.csstudio.display.builder.model.persist.ModelReader;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** Reads screens with Phoebus' own reader. Prints a line for all that it would not use or complains about.
 *
 *  Arguments: settings file, screens. Status 1 if there is anything to print.
 */
public class Check
{
    private final List<String> problems = new ArrayList<>();
    private String screen = "";

    public static void main(final String[] arguments) throws Exception
    {
        Settings.load(arguments[0]);
        final Check check = new Check();
        Logger.getLogger("").addHandler(check.new Listener());
        for (int i = 1; i < arguments.length; ++i)
            check.read(arguments[i]);
        check.problems.forEach(System.out::println);
        System.exit(check.problems.isEmpty() ? 0 : 1);
    }

    /** The reader skips what it does not know without a word, so its elements are looked up one by one. */
    private void read(final String file) throws Exception
    {
        screen = file;
        try (InputStream stream = new FileInputStream(file))
        {
            final ModelReader reader = new ModelReader(stream, new File(file).getAbsolutePath());
            final DisplayModel model = reader.readModel();
            if (reader.getNumberOfWidgetErrors() > 0)
                complain(reader.getNumberOfWidgetErrors() + " widget errors");
            lookUp(reader.getRoot(), model);
            descend(reader.getRoot());
        }
        catch (Exception problem)
        {
            complain(problem.toString());
        }
    }

    private void descend(final Element parent)
    {
        for (Element child : children(parent))
        {
            if (child.getTagName().equals("widget"))
                look(child);
            descend(child);
        }
    }

    private void look(final Element element)
    {
        final String type = element.getAttribute("type");
        final Optional<WidgetDescriptor> descriptor = WidgetFactory.getInstance().getWidgetDescriptions().stream()
            .filter(known -> known.getType().equals(type)).findFirst();
        if (descriptor.isEmpty())
            return; // the reader has said so
        final Widget widget = descriptor.get().createWidget();
        if (! Version.parse(element.getAttribute("version")).equals(widget.getVersion()))
            complain(type + " has version " + widget.getVersion() + ", not " + element.getAttribute("version"));
        lookUp(element, widget);
    }

    private void lookUp(final Element element, final Widget widget)
    {
        for (Element child : children(element))
            if (! child.getTagName().equals("widget")  &&  widget.checkProperty(child.getTagName()).isEmpty())
                complain(element.getTagName() + " " + element.getAttribute("type") + " has no property " + child.getTagName());
    }

    private static List<Element> children(final Element parent)
    {
        final List<Element> found = new ArrayList<>();
        for (Node child = parent.getFirstChild(); child != null; child = child.getNextSibling())
            if (child instanceof Element)
                found.add((Element) child);
        return found;
    }

    private void complain(final String what)
    {
        problems.add(screen + ": " + what);
    }

    /** What Phoebus logs while it reads is a problem of the screen. */
    private class Listener extends Handler
    {
        private final Formatter words = new SimpleFormatter();

        @Override
        public void publish(final LogRecord record)
        {
            if (record.getLevel().intValue() >= Level.WARNING.intValue())
                complain(record.getLevel() + " " + words.formatMessage(record) + cause(record.getThrown()));
        }

        private String cause(final Throwable thrown)
        {
            return thrown == null ? "" : " (" + thrown + ")";
        }

        @Override
        public void flush()
        {
        }

        @Override
        public void close()
        {
        }
    }
}
