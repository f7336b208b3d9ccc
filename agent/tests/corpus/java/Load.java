import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

/** Control: a server under load whose clients hang up; every CLOSE_WAIT lasts a moment. */
class Load {
    public static void main(String[] args) throws Exception {
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 64);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, 3);
            exchange.getResponseBody().write("ok\n".getBytes());
            exchange.close();
        });
        server.start();
        System.out.println("{\"did\":\"listening\",\"port\":" + server.getAddress().getPort() + "}");
        System.in.readAllBytes();
        System.exit(0);
    }
}
