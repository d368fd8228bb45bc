import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Kafka Streams: counts by influencer, kind and minute in an in-memory window store, one thread. A processor
 * rather than groupBy: the key changes, and a repartition topic would double the work.
 */
public class Counting {
  private static final Map<String, String> ENV = System.getenv();
  private static final long EVENTS = Long.parseLong(ENV.get("PEER_EVENTS"));
  private static final long WARMUP = Long.parseLong(ENV.get("PEER_WARMUP"));
  private static final long MINUTE = 60_000;

  public static void main(String[] args) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, ENV.get("PEER_GROUP"));
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, ENV.get("PEER_BROKER"));
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    config.put(StreamsConfig.STATE_DIR_CONFIG, ENV.get("PEER_DIR"));
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Stores.windowStoreBuilder(
        Stores.inMemoryWindowStore("counts", Duration.ofDays(2), Duration.ofMinutes(1), false),
        Serdes.String(), Serdes.Long()).withLoggingDisabled());
    builder.stream(ENV.get("PEER_TOPIC"), Consumed.with(Serdes.String(), Serdes.ByteArray()))
        .process(Count::new, "counts");
    new KafkaStreams(builder.build(), config).start();
  }

  private static final class Count extends ContextualProcessor<String, byte[], Void, Void> {
    private final ObjectMapper json = new ObjectMapper();
    private WindowStore<String, Long> counts;
    private static long seen;
    private static long from;
    private static long began;
    private static long cpu;

    /** Of the whole process, ns: also of the threads that compile and collect. */
    private static long used() {
      return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      super.init(context);
      counts = context.getStateStore("counts");
    }

    @Override
    public void process(Record<String, byte[]> record) {
      try {
        JsonNode event = json.readTree(record.value());
        long at = Instant.parse(event.get("occurred_at").asText()).toEpochMilli() / MINUTE * MINUTE;
        String key = event.get("influencer_id").asText() + "|" + event.get("kind").asText();
        Long before = counts.fetch(key, at);
        counts.put(key, before == null ? 1L : before + 1, at);
      } catch (IOException error) {
        throw new IllegalStateException(error);
      }
      seen++;
      if (began == 0 && seen >= WARMUP) {
        from = seen;
        began = System.nanoTime();
        cpu = used();
      }
      if (seen >= EVENTS) {
        double seconds = (System.nanoTime() - began) / 1e9;
        System.out.printf(
            "{\"events\": %d, \"seconds\": %s, \"cpu_s\": %s, \"counted\": %d}%n",
            seen - from, seconds, (used() - cpu) / 1e9, seen);
        System.out.flush();
        Runtime.getRuntime().halt(0);
      }
    }
  }
}
