import java.net.*;
import java.util.ArrayList;

/** S29, health checks: a load balancer connects and hangs up; the acceptor queues connections for busy workers. */
class HealthChecks {
    public static void main(String[] args) throws Exception {
        var queue = new ArrayList<Socket>();
        var server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        System.out.println("{\"did\":\"listening\",\"port\":" + server.getLocalPort() + "}");
        while (queue.size() < 4) queue.add(server.accept());
        System.out.println("{\"did\":\"stuck\"}");
        System.in.readAllBytes();
        for (var socket : queue) socket.close();
    }
}
