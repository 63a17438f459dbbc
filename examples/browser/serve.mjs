// Serves the page with what it needs of this repository: `node examples/browser/serve.mjs [port]`, then open the
// printed address with ?trainer=…&project=…&version=… of a running platform. The models themselves come from the
// trainer.
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const FOLDERS = {
  '/libs/': join(root, 'dist/libs'),
  '/tfjs/': join(root, 'node_modules/@tensorflow/tfjs/dist'),
  '/': here,
};
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.map': 'application/json' };

/** undefined = nothing of ours. */
function fileOf(url) {
  const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  const prefix = Object.keys(FOLDERS).find((candidate) => path.startsWith(candidate));
  const folder = FOLDERS[prefix];
  const file = resolve(folder, path.slice(prefix.length) || 'index.html');
  return file.startsWith(`${folder}${sep}`) && TYPES[extname(file)] && existsSync(file) ? file : undefined;
}

const server = createServer((request, response) => {
  const file = request.method === 'GET' ? fileOf(request.url) : undefined;
  if (file === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[extname(file)], 'cache-control': 'no-cache' });
  createReadStream(file).pipe(response);
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/\n`);
});
