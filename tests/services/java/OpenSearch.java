import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.core.KeywordTokenizer;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.index.IndexSettings;
import org.opensearch.index.analysis.AbstractTokenFilterFactory;
import org.opensearch.index.analysis.NormalizingTokenFilterFactory;
import org.opensearch.index.analysis.TokenFilterFactory;
import org.opensearch.index.analysis.TokenizerFactory;
import org.opensearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.AnalysisPlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.plugins.PluginInfo;
import org.opensearch.transport.Netty4Plugin;

/**
 * One OpenSearch node in this process: its HTTP port, its transport port, its folder and its name are the arguments, and
 * the transport ports of all nodes of its cluster, separated by commas, where it is not alone in it.
 */
public class OpenSearch {
    static class Embedded extends Node {
        Embedded(Environment environment) {
            super(environment, List.of(Netty4Plugin.class, Analysis.class), false);
        }
    }

    /** What Graylog's mapping needs of the module analysis-common, which is not published. */
    public static class Analysis extends Plugin implements AnalysisPlugin {
        @Override
        public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
            return Map.of("keyword", (index, environment, name, settings) ->
                TokenizerFactory.newFactory(name, KeywordTokenizer::new));
        }

        @Override
        public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
            return Map.of("lowercase", (index, environment, name, settings) -> new LowerCase(index, name, settings));
        }
    }

    static class LowerCase extends AbstractTokenFilterFactory implements NormalizingTokenFilterFactory {
        LowerCase(IndexSettings index, String name, Settings settings) {
            super(index, name, settings);
        }

        @Override
        public TokenStream create(TokenStream stream) {
            return new LowerCaseFilter(stream);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Settings.Builder settings = Settings.builder()
            .put("path.home", arguments[2])
            .put("cluster.name", "gelf")
            .put("node.name", arguments[3])
            .put("network.host", "127.0.0.1")
            .put("http.port", arguments[0])
            .put("transport.port", arguments[1])
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("node.store.allow_mmap", false)
            .put("cluster.routing.allocation.disk.threshold_enabled", false);
        if (arguments.length > 4) {
            String[] ports = arguments[4].split(",");
            settings
                .putList("discovery.seed_hosts", Stream.of(ports).map(port -> "127.0.0.1:" + port).toList())
                .putList(
                    "cluster.initial_cluster_manager_nodes",
                    IntStream.range(0, ports.length).mapToObj(each -> "node" + each).toList()
                );
        } else {
            settings.put("discovery.type", "single-node");
        }
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> arguments[3]);
        Node node = new Embedded(environment);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        node.start();
        Thread.currentThread().join();
    }
}
