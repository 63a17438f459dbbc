// Writes deploy/compose/compose.yaml from the platform's plan, so that the containers cannot be others than the
// launcher's processes. Objects that stand in it more than once are anchors, named after the x-… key at which they
// stand first.
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Document, visit } from 'yaml';

const HEAD = `# Millrace in containers: the same processes, ports, settings and priorities as the embedded default, for a Linux host. Made
# by \`npm run compose\` from libs/deployment; do not edit. All containers use the host's network and listen on loopback only,
# as \`npm start\` does; put a proxy with authentication in front to serve other machines.
#
#   docker compose -f deploy/compose/compose.yaml up --build --wait
#   MILLRACE_KAFKA_BROKERS=127.0.0.1:19092 MILLRACE_REDIS_URL=redis://127.0.0.1:16379 npx millrace status
#
# There is no container engine where this project is tested: test/deploy/compose.spec.ts checks this file against the
# Compose schema (compose.schema.json) and against the launcher's own plan. It has not been run.
`;

export function composeYaml(composeFile) {
  const document = new Document(composeFile, { merge: true, version: '1.1' });
  const names = new Map();
  visit(document, {
    Pair: (_key, { key, value }) => {
      if (value?.anchor && String(key).startsWith('x-')) names.set(value.anchor, String(key).slice(2));
    },
  });
  visit(document, {
    Alias: (_key, node) => {
      node.source = names.get(node.source) ?? node.source;
    },
    Collection: (_key, node) => {
      if (node.anchor) node.anchor = names.get(node.anchor) ?? node.anchor;
    },
  });
  return `${HEAD}${document.toString({ lineWidth: 120, flowCollectionPadding: false })}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
  const { composeFile } = await import(join(root, 'dist/libs/deployment/src/compose/compose-file.js'));
  writeFileSync(join(root, 'deploy/compose/compose.yaml'), composeYaml(composeFile()));
}
