// The dashboard's files, from a closed list, read once at start: apps/dashboard, and uPlot from its package. Nothing
// else of the disk can be asked for. The policy lets the page load scripts, styles and data from this origin only.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlatformError } from '@millrace/domain';
import type { FastifyInstance } from 'fastify';

const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

/** URL path to file below apps/dashboard. */
const OWN_FILES = {
  '/': 'index.html',
  '/style.css': 'style.css',
  '/icon.svg': 'icon.svg',
  '/alarms.js': 'alarms.js',
  '/app.js': 'app.js',
  '/audit.js': 'audit.js',
  '/charts.js': 'charts.js',
  '/detectors.js': 'detectors.js',
  '/format.js': 'format.js',
  '/language.js': 'language.js',
  '/loop.js': 'loop.js',
  '/overview.js': 'overview.js',
  '/panels.js': 'panels.js',
  '/rollout.js': 'rollout.js',
  '/steer.js': 'steer.js',
  '/times.js': 'times.js',
  '/versions.js': 'versions.js',
  '/windows.js': 'windows.js',
} as const;

const UPLOT_FILES = {
  '/vendor/uplot.js': 'dist/uPlot.esm.js',
  '/vendor/uplot.css': 'dist/uPlot.min.css',
} as const;

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
} as const;

interface ServedFile {
  bytes: Buffer;
  type: string;
  etag: string;
}

export function registerDashboard(instance: FastifyInstance): void {
  const folder = dashboardFolder();
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
  for (const [path, file] of Object.entries(OWN_FILES)) serve(instance, path, load(join(folder, file)));
  for (const [path, file] of Object.entries(UPLOT_FILES)) serve(instance, path, load(join(uplot, file)));
}

/** The page is not compiled: it lies in the sources, beside or above the compiled service. */
function dashboardFolder(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)), i = 0; i < 8; i++, at = dirname(at)) {
    const folder = join(at, 'apps', 'dashboard');
    if (existsSync(join(folder, 'index.html'))) return folder;
  }
  throw new PlatformError('not_found', 'apps/dashboard is not beside this service');
}

function load(path: string): ServedFile {
  const bytes = readFileSync(path);
  const extension = path.slice(path.lastIndexOf('.') + 1) as keyof typeof TYPES;
  return { bytes, type: TYPES[extension], etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"` };
}

function serve(instance: FastifyInstance, path: string, file: ServedFile): void {
  instance.get(path, (request, reply) => {
    reply.headers({ ...HEADERS, etag: file.etag });
    if (request.headers['if-none-match'] === file.etag) return reply.status(304).send();
    return reply.type(file.type).send(file.bytes);
  });
}
