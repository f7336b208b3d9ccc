//! Neither bytes nor age go over their bound, and a disk that is full costs lines only.

use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::sync::atomic::Ordering;

use super::super::statistics::Statistics;
use super::super::writer::Writer;
use super::*;

fn on_disk(place: &Place) -> u64 {
    let sizes = segments(place).into_iter();
    sizes.map(|path| fs::metadata(path).unwrap().size()).sum()
}

/// Lines that hardly pack.
fn noise(seq: &mut u64) -> (Vec<u8>, About) {
    *seq += 1;
    let mut state = *seq;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{state:x}")
    });
    let noise: String = noise.take(1_500).collect();
    let time = NOW + *seq * SECOND;
    let text = line(*seq, time).replace("\"finding\"", &format!("\"finding\",\"x\":\"{noise}\""));
    let about = About {
        entries: 1,
        earliest: time,
        latest: time,
        run: 7,
    };
    let frame = Packer::new().unwrap().pack(text.as_bytes(), about).unwrap();
    (frame, about)
}

#[test]
fn a_flood_stays_within_the_bound_and_the_newest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    let (mut store, _) = Store::open(&place).unwrap();
    let mut seq = 0;
    for _ in 0..500 {
        let (frame, about) = noise(&mut seq);
        store.append(&frame, about, about.latest).unwrap();
        assert!(store.bytes() <= place.max_bytes);
        assert_eq!(store.bytes(), on_disk(&place));
    }
    let (seqs, damaged) = all(&place.path, Range::default());
    assert!(damaged.is_empty(), "{damaged:?}");
    assert_eq!(seqs.last(), Some(&500));
    assert!(store.bytes() > place.max_bytes / 10 * 8);
    let first = seqs[0];
    assert!(first > 1);
    assert_eq!(seqs, (first..=500).collect::<Vec<_>>());
    assert_eq!(store.oldest(), NOW + first * SECOND);
}

#[test]
fn a_smaller_bound_than_last_time_holds_from_the_first_line_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut place = place(&dir);
    place.max_bytes = 4 << 20;
    let (mut store, _) = Store::open(&place).unwrap();
    let mut seq = 0;
    for _ in 0..200 {
        let (frame, about) = noise(&mut seq);
        store.append(&frame, about, about.latest).unwrap();
    }
    drop(store);
    assert!(on_disk(&place) > 1 << 20);
    place.max_bytes = 1 << 20;
    let (mut store, _) = Store::open(&place).unwrap();
    let (frame, about) = noise(&mut seq);
    store.append(&frame, about, about.latest).unwrap();
    assert!(on_disk(&place) <= place.max_bytes);
}

/// Also of a segment that another start has found, by the head of the next one or by its file's time.
#[test]
fn what_is_too_old_goes() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    let hour = 3_600;
    let (mut store, _) = Store::open(&place).unwrap();
    append(&mut store, 0..10);
    append(&mut store, 600..610);
    append(&mut store, 1_200..1_210);
    assert_eq!(segments(&place).len(), 3);
    drop(store);
    let (mut store, _) = Store::open(&place).unwrap();
    store.trim(0, NOW + (hour + 100) * SECOND);
    assert_eq!(all(&place.path, Range::default()).0[0], 600);
    assert_eq!(store.oldest(), NOW + 600 * SECOND);
    store.trim(0, NOW + (hour + 2_000) * SECOND);
    assert_eq!(segments(&place).len(), 0);
    assert_eq!((store.bytes(), store.oldest()), (0, 0));
    append(&mut store, 6_000..6_001);
    drop(store);

    // Its beginning is damaged: the file's time counts.
    let path = &segments(&place)[0];
    fs::write(path, "no segment").unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    let time = std::time::UNIX_EPOCH + Duration::from_nanos(NOW);
    file.set_modified(time).unwrap();
    let (mut store, _) = Store::open(&place).unwrap();
    store.trim(0, NOW + (hour - 1) * SECOND);
    assert_eq!(segments(&place).len(), 1);
    store.trim(0, NOW + (hour + 1) * SECOND);
    assert_eq!(segments(&place).len(), 0);
}

/// A mounted file system that ends with the test.
struct Mount(PathBuf);

impl Mount {
    /// `None` for an ordinary user, or where mounting is not allowed.
    fn of_bytes(path: PathBuf, bytes: u64) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let size = format!("size={bytes},mode=700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "finback-test"]);
        let mounted = mount.arg(&path).output().unwrap().status.success();
        mounted.then_some(Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(&self.0).status();
        assert!(done.unwrap().success());
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_costs_lines_which_are_counted_and_told_and_later_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::of_bytes(dir.path().join("full"), 256 << 10) else {
        return;
    };
    let place = Place {
        path: mount.0.join("history"),
        ..place(&dir)
    };
    let statistics = Statistics::default();
    let mut writer = Writer::new(&place, Time::from_unix_nanos(7), &statistics).unwrap();
    writer.open().unwrap();
    let written = |seq| {
        let time = Time::now().as_unix_nanos();
        line(seq, time)
    };
    writer.take(written(1).as_bytes());
    writer.flush();
    assert_eq!(statistics.written(), 1);

    let ballast = mount.0.join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).unwrap_err();
    let mut seq = 1;
    while statistics.dropped() == 0 {
        seq += 1;
        writer.take(written(seq).as_bytes());
        writer.flush();
    }
    assert!(statistics.error().unwrap().contains("No space left"));
    let kept = statistics.written();
    // Until it is tried again nothing is.
    fs::remove_file(&ballast).unwrap();
    writer.take(written(seq + 1).as_bytes());
    writer.flush();
    assert_eq!((statistics.written(), statistics.dropped()), (kept, 2));

    tokio::time::advance(Duration::from_secs(11)).await;
    writer.take(written(seq + 2).as_bytes());
    writer.flush();
    assert_eq!(statistics.written.load(Ordering::Relaxed), kept + 1);
    assert_eq!(statistics.error(), None);
    drop(writer);
    let lines = read(&place.path, Range::default(), Box::new(|_| true)).unwrap();
    let lines: Vec<Line> = lines.collect::<Result<_, _>>().unwrap();
    let [.., before, lost, after] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!((before.seq, after.seq), (seq - 1, seq + 2));
    let text = std::str::from_utf8(&lost.text).unwrap();
    assert!(
        text.contains(r#""lost":{"records":2,"reason":"history_failed""#),
        "{text}"
    );
}
