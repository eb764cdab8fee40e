"""Images made from instances: a token in Glance, as the site's other images are."""

from __future__ import annotations

import io
import json
from typing import Any

from nova.compute import task_states
from nova.image import glance

_SIZE = 1024


def upload(context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
    """Fill the image that Nova made for the snapshot; it says which instance it was made of, no more."""
    update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
    update_task_state(task_state=task_states.IMAGE_UPLOADING, expected_state=task_states.IMAGE_PENDING_UPLOAD)
    token = json.dumps({"snapshot of": instance.uuid}).encode().ljust(_SIZE)
    formats = {"disk_format": "raw", "container_format": "bare"}
    glance.API().update(context, image_id, formats, io.BytesIO(token), purge_props=False)
