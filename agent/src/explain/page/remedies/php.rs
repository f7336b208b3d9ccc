use super::fix::Fix;

/// What to change in PHP.
pub(super) const fn advice(fix: Fix) -> &'static str {
    match fix {
        Fix::CloseAccepted => {
            "fclose when feof says so; in Swoole, ReactPHP and Workerman close in the handlers of 'close' and 'error'."
        }
        Fix::CloseOpened => {
            "persistent handles (pfsockopen, PDO::ATTR_PERSISTENT, Redis pconnect) outlive the request. In workers that \
             live for long unset curl handles: curl_close does nothing since PHP 8.0."
        }
        Fix::Pool => {
            "persistent connections stay until the worker ends: pm.max_requests bounds that; ping before use, or do \
             without them."
        }
        Fix::Accept => {
            "all workers of php-fpm are busy: pm.max_children, and request_slowlog_timeout shows in what."
        }
        Fix::LeaveLoop => {
            "fread that gives '' is the end once feof says so: a loop that never asks feof goes on for ever."
        }
        Fix::NotInherit => "pcntl_fork and exec pass descriptors on: close them in the child.",
        Fix::Read => {
            "the script waits for something else: request_slowlog_timeout writes its stack."
        }
        Fix::Deadline => {
            "stream_set_timeout, default_socket_timeout, CURLOPT_TIMEOUT (none by default); max_execution_time does not \
             count waiting."
        }
        Fix::EndOfPeer => {
            "after stream_socket_shutdown set stream_set_timeout, and fclose when it has passed."
        }
        Fix::Reuse => {
            "one curl handle for many requests, or persistent connections to the database."
        }
    }
}
