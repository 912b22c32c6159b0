package lab;

import java.awt.image.BufferedImage;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import javax.imageio.ImageIO;

import org.csstudio.display.builder.model.ChildrenProperty;
import org.csstudio.display.builder.model.DisplayModel;
import org.csstudio.display.builder.model.Widget;
import org.csstudio.display.builder.model.persist.ModelLoader;
import org.csstudio.display.builder.model.widgets.EmbeddedDisplayWidget;
import org.csstudio.display.builder.model.widgets.PVWidget;
import org.csstudio.display.builder.representation.javafx.JFXStageRepresentation;
import org.csstudio.display.builder.runtime.RuntimeUtil;
import org.phoebus.framework.macros.Macros;
import org.phoebus.pv.PV;
import org.phoebus.pv.PVPool;

import javafx.application.Platform;
import javafx.embed.swing.SwingFXUtils;
import javafx.scene.Parent;
import javafx.stage.Stage;
import javafx.stage.StageStyle;

/** Opens screens in Phoebus' own runtime and writes what can be seen.
 *
 *  Arguments: settings file, one more of these, a file with the jobs. A job is a line of: screen, picture, macros as
 *  NAME="value", seconds to watch once connected; separated by tabs. Prints a line for each PV that did not connect; status 1 if
 *  there was one.
 */
public class Snapshots
{
    private static final int MARGIN = 40;
    private static final long CONNECTED_MS = 30_000, FIRST_LOOK_MS = 1_000, LOOK_MS = 100;
    /** Turns that updates under way get to reach the picture. */
    private static final int ROUNDS = 10;

    private boolean failed = false;

    public static void main(final String[] arguments) throws Exception
    {
        Settings.endWithMain();
        Settings.load(arguments[0], arguments[1]);
        Platform.startup(() -> Platform.setImplicitExit(false));
        final Snapshots snapshots = new Snapshots();
        for (String job : Files.readAllLines(Path.of(arguments[2])))
        {
            final String[] words = job.split("\t", -1);
            snapshots.take(words[0], new File(words[1]), words[2], Double.parseDouble(words[3]));
        }
        System.exit(snapshots.failed ? 1 : 0);
    }

    private void take(final String screen, final File picture, final String macros, final double watch_s) throws Exception
    {
        final DisplayModel model = load(screen, macros);
        final Window window = onScreen(() -> new Window(model));
        RuntimeUtil.startRuntime(model);
        for (String name : connect(model))
        {
            failed = true;
            System.out.println(screen + ": " + name + " is not connected");
        }
        Thread.sleep((long) (1000 * watch_s));
        for (int i = 0; i < ROUNDS; ++i)
        {
            onScreen(() -> null);
            Thread.sleep(LOOK_MS);
        }
        ImageIO.write(Palette.reduced(onScreen(window::picture)), "png", picture);
        RuntimeUtil.stopRuntime(model);
        onScreen(window::close);
    }

    static DisplayModel load(final String screen, final String macros) throws Exception
    {
        final DisplayModel model = ModelLoader.resolveAndLoadModel(null, screen);
        final Macros all = new Macros(model.propMacros().getValue());
        Macros.fromSimpleSpec(macros).forEach(all::add);
        model.propMacros().setValue(all);
        model.expandMacros(null);
        return model;
    }

    /** Wait until every widget shows its PV; PVs that did not connect. */
    static TreeSet<String> connect(final DisplayModel model) throws Exception
    {
        final long deadline = System.currentTimeMillis() + CONNECTED_MS;
        TreeSet<String> missing;
        do
        {
            Thread.sleep(FIRST_LOOK_MS);
            missing = new TreeSet<>();
            addMissing(model, missing);
            addMissingOfScripts(missing);
        }
        while (! missing.isEmpty()  &&  System.currentTimeMillis() < deadline);
        return missing;
    }

    /** Widgets that have not been told a value, with those inside of them. */
    private static void addMissing(final Widget widget, final Set<String> names)
    {
        if (widget instanceof PVWidget  &&  PV.isDisconnected(((PVWidget) widget).runtimePropValue().getValue()))
            names.add(((PVWidget) widget).propPVName().getValue());
        final ChildrenProperty children = ChildrenProperty.getChildren(widget);
        if (children != null)
            children.getValue().forEach(child -> addMissing(child, names));
        if (widget instanceof EmbeddedDisplayWidget)
        {
            final DisplayModel inner = ((EmbeddedDisplayWidget) widget).runtimePropEmbeddedModel().getValue();
            if (inner == null)
                names.add(((EmbeddedDisplayWidget) widget).propFile().getValue());
            else
                addMissing(inner, names);
        }
    }

    /** The PVs of rules, traces and scripts have no widget that shows them. */
    private static void addMissingOfScripts(final Set<String> names)
    {
        for (var entry : PVPool.getPVReferences())
        {
            final PV pv = entry.getEntry();
            if (pv.read() == null  ||  PV.isDisconnected(pv.read()))
                names.add(pv.getName());
        }
    }

    interface Work<T>
    {
        T run() throws Exception;
    }

    /** On the thread of JavaFX. */
    static <T> T onScreen(final Work<T> work) throws Exception
    {
        final CompletableFuture<T> done = new CompletableFuture<>();
        Platform.runLater(() ->
        {
            try
            {
                done.complete(work.run());
            }
            catch (Throwable problem)
            {
                done.completeExceptionally(problem);
            }
        });
        return done.get(30, TimeUnit.SECONDS);
    }

    /** A screen in a window of its size, a margin larger so that nothing scrolls. */
    static class Window
    {
        private final DisplayModel model;
        private final Stage stage = new Stage(StageStyle.UNDECORATED);
        private final JFXStageRepresentation toolkit = new JFXStageRepresentation(stage);

        Window(final DisplayModel model) throws Exception
        {
            this.model = model;
            RuntimeUtil.hookRepresentationListener(toolkit);
            final Parent parent = toolkit.configureStage(model, closed -> {});
            stage.setX(0);
            stage.setY(0);
            stage.setWidth(width() + MARGIN);
            stage.setHeight(height() + MARGIN);
            toolkit.representModel(parent, model);
        }

        BufferedImage picture()
        {
            return SwingFXUtils.fromFXImage(stage.getScene().snapshot(null), null).getSubimage(0, 0, width(), height());
        }

        Void close()
        {
            toolkit.disposeRepresentation(model);
            toolkit.shutdown();
            stage.close();
            return null;
        }

        private int width()
        {
            return model.propWidth().getValue();
        }

        private int height()
        {
            return model.propHeight().getValue();
        }
    }
}
