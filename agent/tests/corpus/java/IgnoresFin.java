import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.*;

/** S29: a websocket engine sees the end of the stream, drops its interest in the channel, and does not close it. */
class IgnoresFin {
    public static void main(String[] args) throws Exception {
        var server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
        System.out.println("{\"did\":\"listening\",\"port\":" + server.socket().getLocalPort() + "}");
        var selector = Selector.open();
        var channel = server.accept();
        channel.configureBlocking(false);
        var key = channel.register(selector, SelectionKey.OP_READ);
        while (key.interestOps() != 0) {
            selector.select();
            selector.selectedKeys().clear();
            if (channel.read(ByteBuffer.allocate(4096)) < 0) key.interestOps(0);
        }
        System.out.println("{\"did\":\"stuck\"}");
        System.in.readAllBytes();
        channel.close();
    }
}
