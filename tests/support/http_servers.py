"""nginx and Prometheus for tests: servers without a database, run as those of `services` are."""

from collections.abc import Iterator
from contextlib import contextmanager

from support.ports import free_port
from support.services import Server, as_user, directory_for, program, serving


@contextmanager
def nginx(http_block: str, *, port: int) -> Iterator[Server]:
    """nginx in the foreground with `http_block` inside `http { }`, which listens on `port`."""
    binary = program("nginx", "nginx")
    with directory_for(None) as directory:
        temporary = "".join(
            f"{kind}_temp_path {directory}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = directory / "nginx.conf"
        config.write_text(
            f"daemon off; pid {directory}/nginx.pid; error_log stderr warn; worker_processes 1;\n"
            f"events {{ worker_connections 8192; }}\n"
            f"http {{ access_log off; {temporary}\n{http_block}\n}}\n"
        )
        command = [binary, "-p", str(directory), "-e", "stderr", "-c", str(config)]
        with serving(as_user(None, command), port=port, directory=directory) as server:
            yield server


@contextmanager
def prometheus(config: str) -> Iterator[Server]:
    """Prometheus with `config` as its configuration file."""
    binary = program("prometheus", "prometheus")
    with directory_for(None) as directory:
        port = free_port()
        (directory / "prometheus.yml").write_text(config)
        command = [
            binary,
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with serving(as_user(None, command), port=port, directory=directory) as server:
            yield server
