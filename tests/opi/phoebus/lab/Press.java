package lab;

import org.csstudio.display.builder.model.DisplayModel;
import org.csstudio.display.builder.model.Widget;
import org.csstudio.display.builder.model.widgets.ActionButtonWidget;
import org.csstudio.display.builder.runtime.ActionUtil;
import org.csstudio.display.builder.runtime.RuntimeUtil;
import org.csstudio.display.builder.runtime.WidgetRuntime;

import javafx.application.Platform;

/** Enters something in a field of a screen, presses a button and says yes.
 *
 *  Arguments: settings file, one more of these, screen, macros, names of the button and of the field (macros
 *  expanded), what is entered, or nothing.
 *  Prints what is asked.
 */
public class Press
{
    private static final long PATIENCE_MS = 10_000, LOOK_MS = 100, SENT_MS = 2_000;

    public static void main(final String[] arguments) throws Exception
    {
        Settings.endWithMain();
        Settings.load(arguments[0], arguments[1]);
        Platform.startup(() -> Platform.setImplicitExit(false));
        final DisplayModel model = Snapshots.load(arguments[2], arguments[3]);
        Snapshots.onScreen(() -> new Snapshots.Window(model));
        RuntimeUtil.startRuntime(model);
        Snapshots.connect(model);

        final ActionButtonWidget button = (ActionButtonWidget) named(model, arguments[4]);
        if (! arguments[6].isEmpty())
            enter(named(model, arguments[5]), arguments[6], button);
        press(button);
        System.exit(0);
    }

    /** Until the question is another. */
    private static void enter(final Widget field, final String entered, final ActionButtonWidget button) throws Exception
    {
        final String asked = button.propConfirmMessage().getValue();
        WidgetRuntime.ofWidget(field).writePrimaryPV(entered);
        final long deadline = System.currentTimeMillis() + PATIENCE_MS;
        while (asked.equals(button.propConfirmMessage().getValue())  &&  System.currentTimeMillis() < deadline)
            Thread.sleep(LOOK_MS);
    }

    private static void press(final ActionButtonWidget button) throws Exception
    {
        System.out.println(button.propConfirmMessage().getValue());
        button.propActions().getValue().getActions().forEach(action -> ActionUtil.handleAction(button, action));
        Thread.sleep(SENT_MS); // the write goes its own way
    }

    private static Widget named(final DisplayModel model, final String name)
    {
        return model.getChildren().stream().filter(widget -> widget.getName().equals(name)).findFirst().orElseThrow();
    }
}
