import com.codahale.metrics.Meter;
import com.codahale.metrics.MetricRegistry;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
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
import org.graylog2.plugin.streams.StreamRule;
import org.graylog2.plugin.streams.StreamRuleType;
import org.graylog2.plugin.utilities.date.NaturalDateParser;
import org.graylog2.streams.StreamRuleMatcherFactory;

/**
 * Graylog's own classes, asked from outside: a line on standard input is what is asked, a blank and more in base64; the answer
 * is a line of JSON.
 *
 * "gelf" and "syslog" take a payload: what would be stored, or why it would not. "keyword" takes {"keyword", "zone", "now"}
 * with milliseconds: the time range. "rules" takes {"payload", "rules"}: which rules of streams match a message of GELF.
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
                switch (line.substring(0, blank)) {
                    case "keyword" -> keyword(json.readTree(payload), answer);
                    case "rules" -> rules(gelf, json.readTree(payload), answer);
                    case "syslog" -> ask(syslog, payload, json, answer);
                    default -> ask(gelf, payload, json, answer);
                }
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

    static void keyword(JsonNode question, Map<String, Object> answer) throws Throwable {
        Instant now = Instant.ofEpochMilli(question.get("now").asLong());
        Clock clock = Clock.fixed(now, ZoneId.of("UTC"));
        var parser = new NaturalDateParser(question.get("zone").asText(), Locale.ENGLISH, clock);
        Method parse = NaturalDateParser.class.getDeclaredMethod("parse", String.class, Date.class);
        parse.setAccessible(true);
        try {
            var found = (NaturalDateParser.Result) parse.invoke(parser, question.get("keyword").asText(), Date.from(now));
            answer.put("from", found.getFrom().getMillis());
            answer.put("to", found.getTo().getMillis());
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    static void rules(AbstractCodec gelf, JsonNode question, Map<String, Object> answer) throws Exception {
        byte[] payload = Base64.getDecoder().decode(question.get("payload").asText());
        var message = gelf.decodeSafe(new RawMessage(payload, PEER)).orElseThrow();
        List<Boolean> matched = new ArrayList<>();
        for (JsonNode asked : question.get("rules")) {
            StreamRuleType type = StreamRuleType.fromInteger(asked.get("type").asInt());
            Map<String, Object> says = Map.of(
                "getType", type,
                "getField", asked.get("field").asText(),
                "getValue", asked.get("value").asText(),
                "getInverted", asked.get("inverted").asBoolean());
            StreamRule rule = (StreamRule) Proxy.newProxyInstance(
                Graylog.class.getClassLoader(),
                new Class<?>[] {StreamRule.class},
                (self, method, arguments) -> says.get(method.getName()));
            try {
                matched.add(StreamRuleMatcherFactory.build(type).match(message, rule));
            } catch (RuntimeException error) {
                matched.add(false);  // as its router does
            }
        }
        answer.put("matched", matched);
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
