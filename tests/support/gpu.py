"""Stand-ins for a GPU: what `lspci` and `nvidia-smi` say, and an apt repository with NVIDIA's two packages.

No computer of the tests has a GPU. What is proved with them is what the role does about it: what it finds, refuses,
installs, and asks. A stand-in says what files in `STATE` say.
"""

from __future__ import annotations

STATE = "/srv/gpu"
REPOSITORY = "/srv/repository"
SLOTS = {
    "nvidia": '00:05.0 "0302" "10de" "2330" -ra1 "10de" "16c1"',
    "amd": '00:06.0 "1200" "1002" "74a1" "1002" "74a1"',
    # A display of KVM's, a network card, and NVIDIA's sound: none is a GPU to compute with.
    "none": '00:01.0 "0300" "1234" "1111"\n00:03.0 "0200" "1af4" "1041"\n00:04.0 "0403" "10de" "22ba"',
}
LSPCI = f"#!/bin/sh\ncat {STATE}/devices\n"
NVIDIA_SMI = f"""#!/bin/sh
# Persistence mode is off after a boot, as the driver's is: /run forgets.
case "$*" in
  "-pm 1") echo Enabled >/run/persistence; exit 0 ;;
  *=persistence_mode*) cat /run/persistence 2>/dev/null || echo Disabled; exit 0 ;;
esac
cat {STATE}/smi
exit "$(cat {STATE}/code)"
"""
TOOLKIT = '#!/bin/sh\nexec runc "$@"\n'
"""Instead of nvidia-container-runtime."""
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
    return "\n".join(["set -e", f"mkdir -p {STATE} {REPOSITORY}", *packages, _LISTS])


def programs(devices: str, smi: str | None = None, code: int = 0) -> str:
    """Shell text: `lspci` lists `devices` (names of SLOTS); `nvidia-smi` says `smi`, or is not there."""
    lines = "\n".join(SLOTS[name] for name in devices.split())
    texts = {f"{STATE}/devices": lines, f"{STATE}/code": str(code), "/usr/local/bin/lspci": LSPCI}
    texts |= {f"{STATE}/smi": smi, "/usr/local/bin/nvidia-smi": NVIDIA_SMI} if smi is not None else {}
    files = "".join(f"cat >{path} <<'TEXT'\n{text}\nTEXT\n" for path, text in texts.items())
    return f"mkdir -p {STATE}; rm -f /usr/local/bin/nvidia-smi\n{files}chmod 755 /usr/local/bin/*\n"


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
