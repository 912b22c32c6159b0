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

import javax.xml.parsers.DocumentBuilderFactory;

import org.csstudio.display.builder.model.DisplayModel;
import org.csstudio.display.builder.model.Version;
import org.csstudio.display.builder.model.Widget;
import org.csstudio.display.builder.model.WidgetDescriptor;
import org.csstudio.display.builder.model.WidgetFactory;
import org.csstudio.display.builder.model.persist.ModelReader;
import org.csstudio.trends.databrowser3.model.Model;
import org.csstudio.trends.databrowser3.model.ModelItem;
import org.csstudio.trends.databrowser3.persistence.XMLPersistence;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/** Reads screens and trends with Phoebus' own readers. Prints a line for all that these would not use or complain about.
 *
 *  Arguments: settings file, screens (.bob) and trends (.plt). Status 1 if there is anything to print.
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
            if (arguments[i].endsWith(".plt"))
                check.readTrends(arguments[i]);
            else
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

    /** What it cannot use it leaves out, or puts on the first axis. */
    private void readTrends(final String file)
    {
        screen = file;
        try (InputStream stream = new FileInputStream(file); InputStream again = new FileInputStream(file))
        {
            final Model model = new Model();
            XMLPersistence.load(model, stream);
            final Element root = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(again).getDocumentElement();
            final NodeList pvs = root.getElementsByTagName("pv");
            if (model.getItems().size() != pvs.getLength())
                complain("has " + pvs.getLength() + " PVs, of which Phoebus uses " + model.getItems().size());
            for (int i = 0; i < Math.min(pvs.getLength(), model.getItems().size()); ++i)
                compare((Element) pvs.item(i), model.getItems().get(i));
        }
        catch (Exception problem)
        {
            complain(problem.toString());
        }
    }

    private void compare(final Element written, final ModelItem used)
    {
        final String name = text(written, "name");
        if (! used.getName().equals(name))
            complain(name + " is used as " + used.getName());
        if (! text(written, "axis").equals(Integer.toString(used.getAxisIndex())))
            complain(name + " is on axis " + used.getAxisIndex() + ", not " + text(written, "axis"));
        if (! text(written, "trace_type").equals(used.getTraceType().name()))
            complain(name + " is drawn as " + used.getTraceType() + ", not " + text(written, "trace_type"));
    }

    private static String text(final Element parent, final String tag)
    {
        return parent.getElementsByTagName(tag).item(0).getTextContent();
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
