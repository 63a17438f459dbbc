// Runs command lines of `millrace`, as they come in on stdin, in this one process, one after the other: a test of a
// hundred lines starts one Node. A line of JSON in, {"argv": [...], "cwd": "..."}; a line out with the exit code and what
// was written to stdout and stderr. The first argument is the clone.
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const main = pathToFileURL(join(process.argv[2], 'dist/apps/cli/src/commands/command-line.js')).href;
const { commandLine } = await import(main);
const answer = process.stdout.write.bind(process.stdout);
/** Each command listens for the end of its own. */
process.setMaxListeners(0);

class Left extends Error {}

async function told(argv, cwd) {
  const written = { output: '', errors: '' };
  const take = (to) => (text) => {
    written[to] += text;
    return true;
  };
  process.stdout.write = take('output');
  process.stderr.write = take('errors');
  process.chdir(cwd);
  process.argv = [process.execPath, 'millrace', ...argv];
  process.exitCode = undefined;
  try {
    await commandLine(({ exitCode }) => {
      process.exitCode = exitCode === 0 ? 0 : 2;
      throw new Left();
    }).parseAsync(process.argv);
  } catch (thrown) {
    if (!(thrown instanceof Left)) return { code: -1, ...written, errors: `${written.errors}${thrown?.stack}` };
  }
  return { code: Number(process.exitCode ?? 0), ...written };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { argv, cwd } = JSON.parse(line);
  answer(`${JSON.stringify(await told(argv, cwd))}\n`);
}
process.exit(0);
