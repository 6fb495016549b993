import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import de.siegmar.logbackgelf.AbstractGelfAppender;
import de.siegmar.logbackgelf.CompressionMethod;
import de.siegmar.logbackgelf.GelfEncoder;
import de.siegmar.logbackgelf.GelfHttpAppender;
import de.siegmar.logbackgelf.GelfTcpAppender;
import de.siegmar.logbackgelf.GelfUdpAppender;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Logs the same messages with logback-gelf. Arguments: compression, file with the text, file with the large text, then transport and port pairs. */
public final class Client {
    public static void main(String[] arguments) throws Exception {
        CompressionMethod compression = CompressionMethod.valueOf(arguments[0]);
        String text = Files.readString(Path.of(arguments[1]), StandardCharsets.UTF_8);
        String large = Files.readString(Path.of(arguments[2]), StandardCharsets.UTF_8);
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        Logger root = context.getLogger("ROOT");
        for (int i = 3; i < arguments.length; i += 2) {
            root.detachAndStopAllAppenders();
            UnsynchronizedAppenderBase<ILoggingEvent> appender =
                    open(arguments[i], Integer.parseInt(arguments[i + 1]), compression, context);
            appender.setContext(context);
            appender.start();
            root.addAppender(appender);
            log(context.getLogger("com.example.Shop"), text, large);
            appender.stop();
        }
        context.stop();
    }

    private static void log(Logger logger, String text, String large) {
        MDC.put("order", "A-17");
        MDC.put("zeros", "00123");
        logger.warn(text);
        MDC.clear();
        logger.error("it broke", new IllegalStateException("no stock"));
        logger.info(large);
    }

    private static UnsynchronizedAppenderBase<ILoggingEvent> open(
            String transport, int port, CompressionMethod compression, LoggerContext context) {
        GelfEncoder encoder = new GelfEncoder();
        encoder.setContext(context);
        encoder.setOriginHost("java-host");
        encoder.setIncludeLevelName(true);
        encoder.addStaticField("app", "e2e");
        encoder.start();
        if (transport.equals("http")) {
            GelfHttpAppender http = new GelfHttpAppender();
            http.setUri("http://127.0.0.1:" + port + "/gelf");
            http.setCompressionMethod(compression);
            http.setEncoder(encoder);
            return http;
        }
        AbstractGelfAppender appender;
        if (transport.equals("udp")) {
            GelfUdpAppender udp = new GelfUdpAppender();
            udp.setCompressionMethod(compression);
            appender = udp;
        } else {
            appender = new GelfTcpAppender();
        }
        appender.setGraylogHost("127.0.0.1");
        appender.setGraylogPort(port);
        appender.setEncoder(encoder);
        return appender;
    }
}
