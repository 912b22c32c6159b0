package lab;

import java.io.FileInputStream;
import java.io.InputStream;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.Logger;

import org.csstudio.display.builder.model.ModelPlugin;
import org.phoebus.framework.preferences.PropertyPreferenceLoader;

/** Preferences as `phoebus -settings` reads them, and a log that is quiet. */
class Settings
{
    private static final Logger ROOT = Logger.getLogger("");
    private static final int FAILED = 2;

    /** A main thread that fails ends the program, whatever the threads of JavaFX are waiting for. */
    static void endWithMain()
    {
        Thread.currentThread().setUncaughtExceptionHandler((thread, problem) ->
        {
            problem.printStackTrace();
            System.exit(FAILED);
        });
    }

    static void load(final String... files) throws Exception
    {
        LogManager.getLogManager().reset();
        ROOT.setLevel(Level.WARNING);
        for (String file : files)
            try (InputStream stream = new FileInputStream(file))
            {
                PropertyPreferenceLoader.load(stream);
            }
        ModelPlugin.reloadConfigurationFiles();
    }
}
