//! What made a pod, from its name: that ends in what is new with each pod.

/// Letters and digits of what Kubernetes makes up (`rand.String`): no vowels, so that no word comes of it.
const RANDOM: &str = "bcdfghjklmnpqrstvwxz2456789";
/// How long the end of a name is that was made up.
const RANDOM_LENGTH: usize = 5;

/// Those of a template's hash: the digits of a 32-bit number, written in [`RANDOM`].
const HASH: &str = "456789bcdf";
/// How long it may be; one that is shorter is rare.
const HASH_LENGTHS: std::ops::RangeInclusive<usize> = 7..=10;

/// The name of the deployment, the stateful or daemon set, the job; of a pod that nothing has made, its own.
pub(super) fn owner(pod: &str) -> &str {
    match without(pod, is_random) {
        // Of a replica set, an index of a job, or the minute of a cron job.
        Some(made) => without(made, |end| is_hash(end) || is_number(end)).unwrap_or(made),
        None => without(pod, is_number).unwrap_or(pod),
    }
}

fn without(name: &str, ends_in: impl Fn(&str) -> bool) -> Option<&str> {
    let (before, end) = name.rsplit_once('-')?;
    (ends_in(end) && !before.is_empty()).then_some(before)
}

fn is_random(end: &str) -> bool {
    end.len() == RANDOM_LENGTH && end.chars().all(|c| RANDOM.contains(c))
}

fn is_hash(end: &str) -> bool {
    HASH_LENGTHS.contains(&end.len()) && end.chars().all(|c| HASH.contains(c))
}

fn is_number(end: &str) -> bool {
    !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_what_stays_when_its_pods_are_made_anew() {
        for (pod, expected) in [
            ("web-6d4cf56db6-x7k2p", "web"),
            ("shop-api-7c5ddbdf54-2xk9z", "shop-api"),
            ("fluentd-x7k2p", "fluentd"),
            ("db-0", "db"),
            ("db-cache-12", "db-cache"),
            ("backup-28391234-x7k2p", "backup"),
            ("etcd-control-plane", "etcd-control-plane"),
            ("my-nginx", "my-nginx"),
            ("api", "api"),
            ("0", "0"),
            ("-0", "-0"),
            ("", ""),
        ] {
            assert_eq!(owner(pod), expected, "{pod}");
        }
    }
}
