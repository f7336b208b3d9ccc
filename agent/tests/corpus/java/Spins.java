import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.*;

/** S29, the same engine without dropping its interest: the selector reports the end of the stream again and again. */
class Spins {
    public static void main(String[] args) throws Exception {
        var server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
        System.out.println("{\"did\":\"listening\",\"port\":" + server.socket().getLocalPort() + "}");
        var end = new Thread(() -> {
            try { System.in.readAllBytes(); } catch (java.io.IOException gone) { }
            System.exit(0);
        });
        end.start();
        var selector = Selector.open();
        var channel = server.accept();
        channel.configureBlocking(false);
        channel.register(selector, SelectionKey.OP_READ);
        System.out.println("{\"did\":\"stuck\"}");
        while (true) {
            selector.select();
            selector.selectedKeys().clear();
            channel.read(ByteBuffer.allocate(64));
            Thread.sleep(1); // kind to the machine: a thousand times a second is enough
        }
    }
}
