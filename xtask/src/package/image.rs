//! The container image: the static program and nothing else, as an OCI archive that `podman load`, `docker load`,
//! `ctr images import` and `skopeo` take. No registry and no container engine is asked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::archive;
use super::ground::{self, Ground};

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Makes it, and tells where it is.
///
/// # Errors
/// Something is missing.
pub(super) fn make(ground: &Ground, binary: &Path, into: &Path) -> Result<PathBuf> {
    let folder = ground.empty("image")?;
    let layout = Layout {
        ground,
        root: folder.join("layout"),
    };
    let (layer, unpacked) = layout.layer(&folder, binary)?;
    let config = layout.json(CONFIG, &config(ground, &unpacked)?)?;
    let mut manifest = layout.json(
        MANIFEST,
        &json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": [layer],
        }),
    )?;
    manifest["platform"] = json!({"architecture": "amd64", "os": "linux"});
    // The first name is containerd's, the second everybody's.
    manifest["annotations"] = json!({
        "io.containerd.image.name": format!("localhost/finback:{}", ground.version),
        "org.opencontainers.image.ref.name": ground.version,
    });
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]});
    let put =
        |name: &str, text: &str| ground::write(&layout.root.join(name), 0o644, text.as_bytes());
    put("index.json", &index.to_string())?;
    put("oci-layout", LAYOUT)?;
    fs::create_dir_all(into)?;
    let archive = into.join(format!("finback-{}-oci.tar", ground.version));
    let parts = ["oci-layout", "index.json", "blobs"];
    archive::tar(ground, &layout.root, &parts, &archive)?;
    Ok(archive)
}

struct Layout<'a> {
    ground: &'a Ground,
    root: PathBuf,
}

impl Layout<'_> {
    /// The only layer: its descriptor, and the digest of what is in it.
    fn layer(&self, folder: &Path, binary: &Path) -> Result<(Value, String)> {
        let tree = folder.join("tree");
        let put = |place: &str, mode, data: &[u8]| ground::write(&tree.join(place), mode, data);
        put("usr/bin/finback", 0o755, &ground::read(binary)?)?;
        let annotated = ground::read(&self.ground.root.join("docs/finback.toml"))?;
        put("etc/finback/finback.toml", 0o644, &annotated)?;
        // Names for the two users that there are: root, and whom the readers of other users' programs become.
        let users =
            b"root:x:0:0:root:/:/usr/bin/false\nnobody:x:65534:65534:nobody:/:/usr/bin/false\n";
        put("etc/passwd", 0o644, users)?;
        put("etc/group", 0o644, b"root:x:0:\nnogroup:x:65534:\n")?;
        // Where volumes are mounted if the root is read-only.
        for place in ["run/finback", "var/lib/finback"] {
            fs::create_dir_all(tree.join(place))?;
        }
        let tar = folder.join("layer.tar");
        archive::tar(self.ground, &tree, &["etc", "run", "usr", "var"], &tar)?;
        let unpacked = archive::sha256(&tar)?;
        archive::gzip(self.ground, &tar)?;
        let packed = ground::read(&folder.join("layer.tar.gz"))?;
        Ok((self.blob(LAYER, &packed)?, format!("sha256:{unpacked}")))
    }

    fn json(&self, kind: &str, value: &Value) -> Result<Value> {
        self.blob(kind, value.to_string().as_bytes())
    }

    /// Files it under its digest; its descriptor.
    fn blob(&self, kind: &str, data: &[u8]) -> Result<Value> {
        let blobs = self.root.join("blobs/sha256");
        let new = blobs.join("new");
        ground::write(&new, 0o644, data)?;
        let digest = archive::sha256(&new)?;
        fs::rename(&new, blobs.join(&digest)).context("cannot file a blob")?;
        Ok(json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": data.len()}))
    }
}

fn config(ground: &Ground, layer: &str) -> Result<Value> {
    let created = ground.date("+%Y-%m-%dT%H:%M:%SZ")?;
    Ok(json!({
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": {
            "Entrypoint": ["/usr/bin/finback"],
            "Cmd": ["run", "--quiet"],
            "Env": ["PATH=/usr/bin"],
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": "finback",
                "org.opencontainers.image.description":
                    "Finds TCP connections whose peer has hung up while the application has not noticed",
                "org.opencontainers.image.version": ground.version,
                "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
        "history": [{"created": created, "created_by": "cargo xtask package"}],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value at `path` in an archive.
    fn read(archive: &Path, path: &str) -> Vec<u8> {
        let mut tar = std::process::Command::new("tar");
        let done = tar.arg("-xOf").arg(archive).arg(path).output().unwrap();
        assert!(done.status.success(), "{path}");
        done.stdout
    }

    fn json(archive: &Path, path: &str) -> Value {
        serde_json::from_slice(&read(archive, path)).unwrap()
    }

    #[test]
    fn an_image_is_what_its_digests_say_and_the_same_when_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let ground = |name: &str| Ground {
            root: crate::workspace::root(),
            work: dir.path().join(name),
            dist: dir.path().join(name).join("dist"),
            version: "1.2.3",
            revision: 1,
            epoch: 1_000_000_000,
        };
        let program = dir.path().join("program");
        fs::write(&program, b"no program, but some bytes").unwrap();
        let made = ["one", "another"].map(|name| {
            let ground = ground(name);
            make(&ground, &program, &ground.dist).unwrap()
        });
        let [one, another] = made;
        assert_eq!(fs::read(&one).unwrap(), fs::read(another).unwrap());

        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap();
            let sum = digest.strip_prefix("sha256:").unwrap();
            let path = format!("blobs/sha256/{sum}");
            let data = read(&one, &path);
            assert_eq!(descriptor["size"], data.len());
            let file = dir.path().join("blob");
            fs::write(&file, data).unwrap();
            assert_eq!(archive::sha256(&file).unwrap(), sum);
            path
        };
        let index = json(&one, "index.json");
        let manifest = json(&one, &blob(&index["manifests"][0]));
        let config = json(&one, &blob(&manifest["config"]));
        assert_eq!(config["created"], "2001-09-09T01:46:40Z");
        blob(&manifest["layers"][0]);
        let mut gunzip = std::process::Command::new("gunzip");
        let layer = dir.path().join("blob.gz");
        fs::rename(dir.path().join("blob"), &layer).unwrap();
        assert!(gunzip.arg(&layer).status().unwrap().success());
        let sum = archive::sha256(&dir.path().join("blob")).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{sum}"));
        assert_eq!(
            read(&dir.path().join("blob"), "usr/bin/finback"),
            fs::read(program).unwrap()
        );
    }
}
