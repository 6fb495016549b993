import com.codahale.metrics.Meter;
import com.codahale.metrics.MetricRegistry;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import org.graylog2.inputs.codecs.GelfChunkAggregator;
import org.graylog2.inputs.codecs.GelfCodec;
import org.graylog2.inputs.codecs.SyslogCodec;
import org.graylog2.inputs.codecs.gelf.GELFBulkDroppedMsgService;
import org.graylog2.plugin.MessageFactory;
import org.graylog2.plugin.configuration.Configuration;
import org.graylog2.plugin.inputs.codecs.AbstractCodec;
import org.graylog2.plugin.journal.RawMessage;

/**
 * Graylog's own codecs, asked from outside: a line on standard input is "gelf" or "syslog", a blank and a payload in base64;
 * the answer is a line of JSON, what would be stored or why it would not.
 */
public class Graylog {
    static final InetSocketAddress PEER = new InetSocketAddress("127.0.0.9", 9);

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        var constructor = Class.forName("org.graylog2.plugin.DefaultMessageFactory").getDeclaredConstructor();
        constructor.setAccessible(true);
        MessageFactory messages = (MessageFactory) constructor.newInstance();
        Configuration settings = new Configuration(Map.of(
            "decompress_size_limit", 8388608,
            "allow_override_date", true,
            "expand_structured_data", false,
            "store_full_message", false,
            "force_rdns", false,
            "timezone", "UTC",
            "charset_name", "UTF-8"));
        MetricRegistry metrics = new MetricRegistry();
        var chunks = new GelfChunkAggregator(Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        }), metrics);
        AbstractCodec gelf = new GelfCodec(settings, chunks, messages, new Uncounted());
        AbstractCodec syslog = new SyslogCodec(settings, metrics, messages);
        ObjectMapper json = new ObjectMapper().enable(JsonGenerator.Feature.ESCAPE_NON_ASCII);
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            int blank = line.indexOf(' ');
            byte[] payload = Base64.getDecoder().decode(line.substring(blank + 1));
            Map<String, Object> answer = new LinkedHashMap<>();
            try {
                ask(line.startsWith("syslog") ? syslog : gelf, payload, json, answer);
            } catch (Throwable error) {
                answer.put("refused", String.valueOf(error));
            }
            answers.println(json.writeValueAsString(answer));
        }
    }

    static void ask(AbstractCodec codec, byte[] payload, ObjectMapper json, Map<String, Object> answer) {
        RawMessage raw = new RawMessage(payload, PEER);
        var message = codec.decodeSafe(raw).orElseThrow();
        if (!message.isComplete()) {
            answer.put("refused", "incomplete");
            return;
        }
        message.ensureValidTimestamp();
        answer.put("stored", new TreeMap<>(message.toElasticSearchObject(json, new Meter())));
        answer.put("received", raw.getTimestamp().getMillis());
    }

    /** What stands behind the first JSON value is dropped; that it was is not counted here. */
    static class Uncounted extends GELFBulkDroppedMsgService {
        Uncounted() {
            super(null);
        }

        @Override
        public void handleDroppedMsgOccurrence(RawMessage raw) {
        }
    }
}
