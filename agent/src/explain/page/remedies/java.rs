use super::fix::Fix;

/// What to change in Java.
pub(super) const fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::CloseAccepted => {
            "try-with-resources around the Socket. With NIO a read of -1 means close the channel, cancelling the key is \
             not enough. In Netty close in channelInactive and exceptionCaught; with ALLOW_HALF_CLOSURE handle \
             ChannelInputShutdownEvent."
        }
        Fix::CloseOpened => {
            "close every response and its stream in try-with-resources: CloseableHttpResponse, okhttp3.Response, the \
             InputStream of BodyHandlers.ofInputStream, and the error stream of HttpURLConnection."
        }
        Fix::Pool => {
            "Apache HttpClient: evictIdleConnections and a validateAfterInactivity; HikariCP: maxLifetime a few \
             seconds shorter than the database's or the balancer's, and keepaliveTime."
        }
        Fix::Accept => {
            "the acceptor's thread has ended with an exception or waits for a worker: jstack shows it (Acceptor, \
             boss group)."
        }
        Fix::LeaveLoop => {
            "read() returning -1 is the end; in a Selector loop it leaves the key ready for ever until the channel is \
             closed."
        }
        Fix::NotInherit => {
            "ProcessBuilder closes descriptors in the child; native libraries and agents that fork do not."
        }
        Fix::Read => {
            "the thread or event loop that reads is blocked: jstack; in Netty look for setAutoRead(false) that is never \
             taken back."
        }
        Fix::Deadline => {
            "Socket.setSoTimeout, read and connection timeouts of the HTTP client, socketTimeout of the JDBC driver: \
             without them a read waits for ever."
        }
        Fix::EndOfPeer => {
            "after shutdownOutput set setSoTimeout, and close when the read times out; Netty: an IdleStateHandler."
        }
        Fix::Reuse => "one client with a connection pool for all, answers read to their end.",
    }
}
