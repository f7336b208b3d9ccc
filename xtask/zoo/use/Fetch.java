import java.net.URI;
import java.net.http.*;
import java.time.Duration;

/** The JDK's client: keeps connections in a pool, asks synchronously and not. */
class Fetch {
    public static void main(String[] ports) throws Exception {
        var client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
        for (int turn = 0; ; turn++) {
            for (var port : ports) {
                var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/"))
                    .timeout(Duration.ofSeconds(10)).build();
                for (int i = 0; i < 3; i++)
                    client.sendAsync(request, HttpResponse.BodyHandlers.ofString()).exceptionally(error -> null);
            }
            Thread.sleep(1000L * (1 + turn % 15));
        }
    }
}
