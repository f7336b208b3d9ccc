import java.net.URI;
import java.net.http.*;

/** S2 in Java: the response's stream is neither read nor closed. */
class StreamKept {
    public static void main(String[] args) throws Exception {
        var client = HttpClient.newHttpClient();
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + args[0] + "/"))
            .version(HttpClient.Version.HTTP_1_1).build();
        var response = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
        System.out.println("{\"did\":\"stuck\"}");
        System.in.readAllBytes();
        response.body().close();
    }
}
