// Writes docs/settings.md from the one list of settings, and the table of ports in docs/ARCHITECTURE.md from the one
// table, so that neither page can say something else than the code.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { artifactSettings, commonSettings, SETTINGS, TEST_SETTINGS } = await import(
  join(root, 'dist/libs/deployment/src/index.js')
);
const { portsTable } = await import(join(root, 'dist/libs/deployment/src/ports-table.js'));

function shown({ default: value }) {
  if (value === undefined) return 'required';
  return String(value) === '' ? 'empty' : String(value);
}

function table(settings) {
  const rows = Object.values(settings).map((setting) => {
    const range = setting.min === undefined ? '' : `${setting.min}–${setting.max}`;
    const unit = setting.type === 'duration' ? 'ms' : (setting.unit ?? '');
    const up = setting.notForUp === undefined ? '' : `. Not for \`millrace up\`: ${setting.notForUp}`;
    return `| \`${setting.env}\` | ${shown(setting)} | ${unit} | ${range} | ${setting.why}${up} |`;
  });
  return ['| variable | default | unit | range | why |', '|---|---|---|---|---|', ...rows].join('\n');
}

/** Listed once, before the processes that share them. */
const common = new Set(Object.values({ ...commonSettings, ...artifactSettings }).map((setting) => setting.env));
const { launcher, ...processes } = SETTINGS;
const listed = new Set([
  ...common,
  ...Object.values(processes).flatMap((settings) => Object.values(settings).map((setting) => setting.env)),
]);
const own = (settings) =>
  Object.fromEntries(Object.entries(settings).filter(([, setting]) => !common.has(setting.env)));
const launcherOnly = Object.fromEntries(Object.entries(launcher).filter(([, setting]) => !listed.has(setting.env)));

const page = [
  '# Settings',
  [
    'Environment variables, read once at start. All faults are shown at once, by name; a bad value refuses to start, an unknown',
    '`MILLRACE_…` variable too, with the nearest name that exists. Durations are texts such as `250ms`, `5s`, `3h`; paths are',
    'relative to where you are. `millrace up` takes every one of them and hands it to the processes that read it; what it sets',
    'itself it refuses, and what any of its processes would refuse it tells before it starts anything. What only the process itself can find',
    '(a device that this machine does not have) ends it with exit code 78: `up` does not try one again that was never ready, and tells the reason at once.',
    'This page is made by `npm run settings` from `libs/deployment/src/settings`.',
  ].join('\n'),
  '## A second platform beside the first',
  [
    'One offset moves every port, brokers included; a home of its own keeps the state apart:',
    '',
    '```sh',
    'MILLRACE_PORT_OFFSET=1000 MILLRACE_HOME=.millrace-second npx millrace up      # V2 on 9000, dashboard on 9040, …',
    'MILLRACE_PORT_OFFSET=1000 npx millrace status                                 # commands find it the same way',
    '```',
    '',
    'A port that is set itself stays where it is set. `MILLRACE_REPLICAS` says how many processes of each service a machine has',
    '([several processes](several-processes.md)); one that is started by hand is told by `MILLRACE_REPLICA=1` to `9` that it listens at its base +',
    '100·r, and finds the rest of the platform where it is.',
  ].join('\n'),
  '## All processes',
  table(commonSettings),
  '## Where artifacts are',
  'All processes but training workers; what they mean together, and for a server of your own: [artifacts.md](artifacts.md).',
  table(artifactSettings),
  ...Object.entries(processes).flatMap(([name, settings]) => [`## ${name}`, table(own(settings))]),
  '## Launcher',
  table(launcherOnly),
  '## Tests',
  [
    '| variable | meaning |',
    '|---|---|',
    ...Object.entries(TEST_SETTINGS).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`),
  ].join('\n'),
];
writeFileSync(join(root, 'docs/settings.md'), `${page.join('\n\n')}\n`);

const architecture = join(root, 'docs/ARCHITECTURE.md');
const text = readFileSync(architecture, 'utf8');
writeFileSync(
  architecture,
  text.replace(/\| process \| HTTP \|[\s\S]*?\n\n/, () => `${portsTable()}\n\n`),
);
