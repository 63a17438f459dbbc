// Writes docs/settings.md from the services' own definitions, so that the page cannot say something else than the code.
import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const load = async (path) =>
  Object.values(await import(join(root, 'dist', path))).find(
    (value) => value && typeof value === 'object' && Object.values(value).every((setting) => setting?.env),
  );

const { commonSettings, SETTING_NAMES } = await import(join(root, 'dist/libs/config/src/index.js'));
const services = {
  ingest: await load('services/ingest/src/config.js'),
  trainer: await load('services/trainer/src/config.js'),
  'training worker': await load('services/trainer/src/worker/config.js'),
  serving: await load('services/serving/src/config.js'),
  router: await load('services/router/src/config.js'),
  monitor: await load('services/monitor/src/config.js'),
};

function shown(setting) {
  if (setting.default === undefined) return 'required';
  if (typeof setting.default === 'string') {
    if (setting.default.startsWith(homedir())) return setting.default.replace(homedir(), '~');
    if (setting.default.startsWith(process.cwd())) return relative(process.cwd(), setting.default);
  }
  return setting.default === '' ? 'empty' : String(setting.default);
}

function table(settings) {
  const rows = Object.values(settings).map((setting) => {
    const range = setting.min === undefined ? '' : `${setting.min}–${setting.max}`;
    const unit = setting.type === 'duration' ? 'ms' : (setting.unit ?? '');
    return `| \`${setting.env}\` | ${shown(setting)} | ${unit} | ${range} | ${setting.why} |`;
  });
  return ['| variable | default | unit | range | why |', '|---|---|---|---|---|', ...rows].join('\n');
}

const common = new Set(Object.values(commonSettings).map((setting) => setting.env));
const own = (settings) =>
  Object.fromEntries(Object.entries(settings).filter(([, setting]) => !common.has(setting.env)));
const listed = new Set([
  ...common,
  ...Object.values(services).flatMap((s) => Object.values(s).map((setting) => setting.env)),
]);
const others = Object.entries(SETTING_NAMES).filter(([name]) => !listed.has(name));

const page = [
  '# Settings',
  [
    'Environment variables, read once at start. All faults are shown at once, by name; a bad value refuses to start, an unknown',
    '`MILLRACE_…` variable too. Durations are texts such as `250ms`, `5s`, `3h`. This page is made by `npm run settings`.',
  ].join('\n'),
  '## All services',
  table(commonSettings),
  ...Object.entries(services).flatMap(([name, settings]) => [`## ${name}`, table(own(settings))]),
  '## Launcher, set-up and tests',
  ['| variable | meaning |', '|---|---|', ...others.map(([name, meaning]) => `| \`${name}\` | ${meaning} |`)].join(
    '\n',
  ),
];
writeFileSync(join(root, 'docs/settings.md'), `${page.join('\n\n')}\n`);
