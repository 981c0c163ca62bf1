"""How our server and each of its peers are started, with one worker and as one would.

Each is a function of the program, port, root, a directory of its own and whether there
is an access log; it gives the command. What is logged goes to `log` in that directory.
"""

import resource
import shutil
import sys
from pathlib import Path

NGINX = """
worker_processes 1;
worker_rlimit_nofile {files};
pid {home}/pid;
error_log {home}/error crit;
events {{ worker_connections 10000; }}
http {{
    types {{ text/html html; }}
    default_type application/octet-stream;
    client_body_temp_path {home}/1; proxy_temp_path {home}/2; fastcgi_temp_path {home}/3;
    uwsgi_temp_path {home}/4; scgi_temp_path {home}/5;
    access_log {log};
    keepalive_requests 1000000000;
    gzip_static on;
    {way}
    server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; autoindex on; }}
}}
"""
NGINX_SENDFILE = "sendfile on; tcp_nopush on;"
# Its shortest way for small files: no open, and head and body in one call.
NGINX_CACHE = """sendfile off; output_buffers 2 128k;
    open_file_cache max=12000 inactive=600s; open_file_cache_valid 60s; open_file_cache_errors on;"""

LIGHTTPD = """
server.modules = ( "mod_dirlisting", "mod_deflate", "mod_staticfile" {accesslog} )
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 600
server.listen-backlog = 4096
dir-listing.activate = "enable"
mimetype.assign = ( ".html" => "text/html", "" => "application/octet-stream" )
deflate.mimetypes = ( "text/html" )
deflate.allowed-encodings = ( "gzip" )
deflate.cache-dir = "{home}/cache"
"""

CADDY = """
{{
    admin off
    auto_https off
    log {{
        level ERROR
    }}
}}
http://:{port} {{
    bind 127.0.0.1
    root * {root}
    {log}
    file_server browse {{
        precompressed gzip
    }}
}}
"""


def serve(program, port, root, home, log):
    log = ["--log", "combined"] if log else ["--quiet"]
    return [program, "--bind", f"127.0.0.1:{port}", "--root", root, "--threads", "1", *log]


def nginx(program, port, root, home, log, way=NGINX_SENDFILE):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    log = f"{home}/log combined" if log else "off"
    config = Path(home, "conf")
    config.write_text(NGINX.format(port=port, root=root, home=home, log=log, way=way, files=files))
    return [program, "-p", home, "-e", f"{home}/error", "-c", config, "-g", "daemon off;"]


def nginx_cache(program, port, root, home, log):
    return nginx(program, port, root, home, log, NGINX_CACHE)


def lighttpd(program, port, root, home, log):
    text = LIGHTTPD.format(port=port, root=root, home=home, accesslog=', "mod_accesslog"' if log else "")
    if log:
        text += f'accesslog.filename = "{home}/log"\n'
    config = Path(home, "conf")
    config.write_text(text)
    return [program, "-D", "-f", config]


def caddy(program, port, root, home, log):
    log = f"log {{\n        output file {home}/log\n        level INFO\n    }}" if log else ""
    config = Path(home, "Caddyfile")
    config.write_text(CADDY.format(port=port, root=root, log=log))
    where = [f"HOME={home}", f"XDG_CONFIG_HOME={home}", f"XDG_DATA_HOME={home}"]
    return ["env", *where, program, "run", "--config", config, "--adapter", "caddyfile"]


def python(program, port, root, home, log):
    # It always writes a log, to standard error.
    return [program, "-m", "http.server", "--bind", "127.0.0.1", "--directory", root, str(port)]


def limit(program, port, root, home, log):
    """No server of files: what the kernel alone costs. Its program is the load generator."""
    return [program, "--limit", str(port), "--root", root]


# Name, program, how it is started.
PEERS = [
    ("nginx", "nginx", nginx),
    ("nginx-cache", "nginx", nginx_cache),
    ("lighttpd", "lighttpd", lighttpd),
    ("caddy", "caddy", caddy),
    ("python", sys.executable, python),
]


def installed(names):
    """Those of the peers that are there, and the names of the others."""
    found, absent = [], []
    for name, program, start in PEERS:
        if names and name not in names:
            continue
        # Debian keeps servers where only root looks.
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
        found.append((name, path, start)) if path else absent.append(name)
    return found, absent
