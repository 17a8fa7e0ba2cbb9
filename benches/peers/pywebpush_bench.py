"""pywebpush 2, measured for `make bench`. Prints one number: messages per second of CPU time.

    python pywebpush_bench.py encrypt|send JOB        JOB is JSON: see `Job` in benches/src/push.rs

One at a time: threads would share the CPU time, not lessen it. The session keeps its connection, which the defaults do not.
"""

import json
import sys
import time

import requests
from py_vapid import Vapid02
from pywebpush import WebPusher, webpush


def main() -> None:
    mode, job = sys.argv[1], json.loads(sys.argv[2])
    subscription = {"endpoint": job["endpoint"], "keys": {"p256dh": job["p256dh"], "auth": job["auth"]}}
    origin = job["endpoint"].rsplit("/push/", 1)[0]
    began = time.process_time()
    if mode == "encrypt":
        vapid = Vapid02.from_string(job["private_key"])
        for _ in range(job["messages"]):
            WebPusher(subscription).encode(job["payload"].encode(), content_encoding="aes128gcm")
            vapid.sign({"aud": origin, "sub": job["subject"]})
    else:
        with requests.Session() as session:
            for _ in range(job["messages"]):
                webpush(
                    subscription,
                    job["payload"],
                    vapid_private_key=job["private_key"],
                    vapid_claims={"aud": origin, "sub": job["subject"]},
                    ttl=60,
                    requests_session=session,
                )
    print(job["messages"] / (time.process_time() - began))


if __name__ == "__main__":
    main()
