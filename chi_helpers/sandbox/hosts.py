"""The hosts of a site: what kinds there are, and how many."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Host:
    """A host that Blazar can reserve. Sizes in MiB and GiB, as Nova has them."""

    node_type: str
    vcpus: int
    memory_mb: int
    local_gb: int
    resources: dict[str, int] = field(default_factory=dict)
    traits: tuple[str, ...] = ()
    gpu_model: str = ""
    gpus: int = 0

    def compute(self) -> dict[str, object]:
        """What the Nova driver needs to know of it."""
        whole = asdict(self)
        return {key: whole[key] for key in ("vcpus", "memory_mb", "local_gb", "resources", "traits")}


# flavor:instance takes any host; the traits keep virtual machines off the bare-metal ones.
_KVM = Host("compute_kvm", 96, 512 * 1024, 8000, traits=("CUSTOM_CHI_KVM",))
_KVM_H100 = Host(
    "kvm_h100",
    192,
    1024 * 1024,
    8000,
    resources={"CUSTOM_GPU_H100": 4},
    traits=("CUSTOM_CHI_KVM", "CUSTOM_CHI_H100"),
    gpu_model="H100",
    gpus=4,
)


def _bare_metal(node_type: str, gpu_model: str = "", gpus: int = 0) -> Host:
    return Host(
        node_type,
        64,
        256 * 1024,
        2000,
        resources={"CUSTOM_BAREMETAL": 1},
        traits=("CUSTOM_CHI_BAREMETAL",),
        gpu_model=gpu_model,
        gpus=gpus,
    )


def hosts_of(kvm_hosts: int) -> dict[str, Host]:
    """The site's hosts by name: `kvm_hosts` plain ones, one with GPUs, and a few bare-metal nodes."""
    return {
        **{f"kvm{n:02d}": _KVM for n in range(1, kvm_hosts + 1)},
        "kvm-h100-01": _KVM_H100,
        "gigaio01": _bare_metal("compute_gigaio", "A100", 1),
        "gigaio02": _bare_metal("compute_gigaio", "A100", 1),
        "skylake01": _bare_metal("compute_skylake"),
    }
