import com.hivemq.embedded.EmbeddedHiveMQ;
import java.nio.file.Path;

/** Runs a broker in the folder it is given, until SIGTERM. */
public class HiveMq {
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        EmbeddedHiveMQ broker = EmbeddedHiveMQ.builder()
                .withConfigurationFolder(folder.resolve("conf"))
                .withDataFolder(folder.resolve("data"))
                .withExtensionsFolder(folder.resolve("extensions"))
                .build();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> broker.stop().join()));
        broker.start().join();
        Thread.currentThread().join();
    }
}
