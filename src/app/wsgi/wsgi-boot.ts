import { readFileSync } from 'node:fs';

/** In the order in which they import each other. */
const MODULES = [
  ['ugate_text', new URL('./ugate_text.py', import.meta.url)],
  ['ugate_output', new URL('./ugate_output.py', import.meta.url)],
  ['ugate_own', new URL('./ugate_own.py', import.meta.url)],
  ['ugate_ground', new URL('./ugate_ground.py', import.meta.url)],
  ['ugate_channel', new URL('./ugate_channel.py', import.meta.url)],
  ['ugate_report', new URL('./ugate_report.py', import.meta.url)],
  ['ugate_scoreboard', new URL('./ugate_scoreboard.py', import.meta.url)],
  ['ugate_loader', new URL('./ugate_loader.py', import.meta.url)],
  ['ugate_sockets', new URL('./ugate_sockets.py', import.meta.url)],
  ['ugate_errors', new URL('./ugate_errors.py', import.meta.url)],
  ['ugate_connection', new URL('./ugate_connection.py', import.meta.url)],
  ['ugate_packet', new URL('./ugate_packet.py', import.meta.url)],
  ['ugate_body', new URL('./ugate_body.py', import.meta.url)],
  ['ugate_file', new URL('./ugate_file.py', import.meta.url)],
  ['ugate_header', new URL('./ugate_header.py', import.meta.url)],
  ['ugate_answer', new URL('./ugate_answer.py', import.meta.url)],
  ['ugate_request', new URL('./ugate_request.py', import.meta.url)],
  ['ugate_worker', new URL('./ugate_worker.py', import.meta.url)],
  ['ugate_seat', new URL('./ugate_seat.py', import.meta.url)],
  ['ugate_status', new URL('./ugate_status.py', import.meta.url)],
  ['ugate_stuck', new URL('./ugate_stuck.py', import.meta.url)],
  ['ugate_orphans', new URL('./ugate_orphans.py', import.meta.url)],
  ['ugate_master', new URL('./ugate_master.py', import.meta.url)],
] as const;

/** The Python program, module by module, as the first message carries it: it never becomes a file. */
export function readProgram(): [name: string, text: string][] {
  return MODULES.map(([name, url]) => [name, readFileSync(url, 'utf8')]);
}

/**
 * What `python3 -c` is given: takes the message channel (JSON lines on the descriptor that NODE_CHANNEL_FD names) away from
 * what the app will start, reads the first message and makes its `program` modules. Readable by any Python 3.
 */
export const BOOT = `
import json, linecache, os, sys, types
fd = int(os.environ.pop("NODE_CHANNEL_FD"))
os.environ.pop("NODE_CHANNEL_SERIALIZATION_MODE", None)
os.set_inheritable(fd, False)
os.set_blocking(fd, True)
rest, start = b"", {}
while "program" not in start:
    while b"\\n" not in rest:
        data = os.read(fd, 65536)
        if not data:
            os._exit(1)
        rest += data
    line, rest = rest.split(b"\\n", 1)
    start = json.loads(line)
for name, text in start.pop("program"):
    module = sys.modules[name] = types.ModuleType(name)
    place = "<ugate %s>" % name
    linecache.cache[place] = (len(text), None, text.splitlines(True), place)
    exec(compile(text, place, "exec"), module.__dict__)
sys.modules["ugate_master"].main(start, fd, rest)
`;
