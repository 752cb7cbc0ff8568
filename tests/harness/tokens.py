"""Somebody else's identity service: keys, tokens, and a page that shows the public keys (JWKS)."""

import base64
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

SECRET = "the secret that signs the tokens of a Django service"


def private_key(algorithm):
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    raise ValueError(algorithm)


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def claims(user_id=7, ttl=600, **more):
    """As Django SimpleJWT makes them."""
    now = int(time.time())
    told = {"token_type": "access", "exp": now + ttl, "iat": now, "jti": uuid.uuid4().hex, "user_id": user_id}
    told.update(more)
    return {name: value for name, value in told.items() if value is not None}


def sign(payload, key, algorithm, kid=None, **header):
    headers = dict(header)
    if kid is not None:
        headers["kid"] = kid
    return jwt.encode(payload, key, algorithm=algorithm, headers=headers or None)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header, payload, signature=b""):
    """A token put together by hand."""
    return ".".join([b64(json.dumps(header).encode()), b64(json.dumps(payload).encode()), b64(signature)])


def jwk(key, kid, algorithm):
    public = key.public_key()

    def number(value, size):
        return b64(value.to_bytes(size, "big"))

    if algorithm == "RS256":
        numbers = public.public_numbers()
        return {"kty": "RSA", "kid": kid, "alg": algorithm, "use": "sig", "n": number(numbers.n, 256),
                "e": b64(numbers.e.to_bytes(3, "big"))}
    if algorithm == "ES256":
        numbers = public.public_numbers()
        return {"kty": "EC", "crv": "P-256", "kid": kid, "alg": algorithm, "use": "sig",
                "x": number(numbers.x, 32), "y": number(numbers.y, 32)}
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": algorithm, "use": "sig", "x": b64(raw)}


class JwksServer:
    """Serves {"keys": …} on loopback; `keys` may be changed while it runs; `hits` counts the requests."""

    def __init__(self, keys):
        self.keys, self.hits = keys, 0
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page.hits += 1
                body = json.dumps({"keys": page.keys}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
