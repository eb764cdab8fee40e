"""Stand-ins for a GPU: what `lspci` and `nvidia-smi` say, and an apt repository with NVIDIA's two packages.

No computer of the tests has a GPU. What is proved with them is what the role does about it: what it finds, refuses,
installs, and asks.
"""

from __future__ import annotations

CALLED = "/srv/called"
"""What the runtime's stand-in was called with."""
REPOSITORY = "/srv/repository"
SLOTS = {
    "nvidia": '00:05.0 "0302" "10de" "2330" -ra1 "10de" "16c1"',
    "amd": '00:06.0 "1200" "1002" "74a1" "1002" "74a1"',
    # A display of KVM's, a network card, and NVIDIA's sound: none is a GPU to compute with.
    "none": '00:01.0 "0300" "1234" "1111"\n00:03.0 "0200" "1af4" "1041"\n00:04.0 "0403" "10de" "22ba"',
}
H100 = "0, NVIDIA H100 PCIe, GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52, 570.133.20, 81559 MiB"
"""What `nvidia-smi` says of one that works."""
_SMI = """#!/bin/sh
# Persistence mode is off after a boot, as the driver's is: /run forgets.
case "$*" in
  "-pm 1") echo Enabled >/run/persistence; exit 0 ;;
  *=persistence_mode*) cat /run/persistence 2>/dev/null || echo Disabled; exit 0 ;;
esac
"""


def programs(devices: str, said: str = "", code: int = 0) -> dict[str, str]:
    """The programs by name: `lspci` lists `devices` (names of SLOTS), `nvidia-smi` says `said` and ends with `code`."""
    lines = "\n".join(SLOTS[name] for name in devices.split())
    return {
        "lspci": f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n",
        "nvidia-smi": f"{_SMI}cat <<'END'\n{said}\nEND\nexit {code}\n",
    }


TOOLKIT = f'#!/bin/sh\necho "$@" >>{CALLED}\nexec runc "$@"\n'
"""Instead of nvidia-container-runtime; it notes that it was called."""
EXPORTER = """#!/usr/bin/python3
import http.server, os
class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b'DCGM_FI_DEV_GPU_UTIL{gpu="0"} 7\\n')
host, _, port = os.environ.get("DCGM_EXPORTER_LISTEN", ":9400").rpartition(":")
http.server.HTTPServer((host, int(port)), Metrics).serve_forever()
"""
OPEN_UNIT = "[Service]\nExecStart=/usr/bin/dcgm-exporter\n[Install]\nWantedBy=multi-user.target\n"
"""The exporter's own: it listens on every address. The package starts it, as Debian's packages do."""
_PACKAGE = """
mkdir -p /tmp/{name}/DEBIAN /tmp/{name}/usr/bin /tmp/{name}/lib/systemd/system
printf 'Package: {name}\\nVersion: 1.2\\nArchitecture: all\\nMaintainer: tests\\nDescription: stand-in\\n' \
  >/tmp/{name}/DEBIAN/control
cat >/tmp/{name}/usr/bin/{program} <<'PROGRAM'
{text}PROGRAM
chmod 755 /tmp/{name}/usr/bin/{program}
{more}
dpkg-deb --build /tmp/{name} {repository}/{name}.deb >/dev/null
"""


def script() -> str:
    """Shell text, for root on a node: puts the stand-ins there, and the repository, which nobody has signed yet."""
    exporter = "datacenter-gpu-manager-exporter"
    unit = f"""cat >/tmp/{exporter}/lib/systemd/system/nvidia-dcgm-exporter.service <<'UNIT'
{OPEN_UNIT}UNIT
printf '#!/bin/sh\\nsystemctl daemon-reload; systemctl start nvidia-dcgm-exporter || true\\n' \
  >/tmp/{exporter}/DEBIAN/postinst
chmod 755 /tmp/{exporter}/DEBIAN/postinst"""
    packages = [
        _PACKAGE.format(name=name, program=program, text=text, more=more, repository=REPOSITORY)
        for name, program, text, more in (
            ("nvidia-container-toolkit", "nvidia-container-runtime", TOOLKIT, ""),
            (exporter, "dcgm-exporter", EXPORTER, unit),
        )
    ]
    return "\n".join(["set -e", f"mkdir -p {REPOSITORY}", *packages, _LISTS])


def key(name: str) -> str:
    """Shell text, for root on a node: prints a public key, which it makes where there is none of that name."""
    return f"""{_KEYS}
gpg --batch --list-secret-keys {name}@ >/dev/null 2>&1 ||
  gpg --batch --passphrase '' --quick-gen-key {name}@example.org rsa2048 sign never 2>/dev/null
gpg --batch --armor --export {name}@
"""


def key_id(name: str) -> str:
    """Shell text, for root on a node: prints what apt calls the key by that name."""
    return f"{_KEYS}\ngpg --batch --with-colons --list-keys {name}@ | awk -F: '/^pub/ {{print $5}}'"


def installed(devices: str, said: str = "") -> str:
    """Shell text, for root on a node: puts the programs there."""
    found = programs(devices, said).items()
    return "".join(
        f"cat >/usr/local/bin/{name} <<'PROGRAM'\n{text}PROGRAM\nchmod 755 /usr/local/bin/{name}\n"
        for name, text in found
    )


_KEYS = "export GNUPGHOME=/root/tests-gpg; mkdir -pm 700 $GNUPGHOME"
_LISTS = f"""
cd {REPOSITORY}
for deb in *.deb; do
  dpkg-deb --field $deb
  echo "Filename: ./$deb"
  echo "Size: $(stat -c %s $deb)"
  echo "SHA256: $(sha256sum $deb | cut -d' ' -f1)"
  echo
done >Packages
printf 'Origin: tests\\nDate: %s\\nSHA256:\\n %s %s Packages\\n' "$(date -Ru)" \
  "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)" >Release
"""
