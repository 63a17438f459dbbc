// A model package in a browser: the network by tfjs, the features by the platform's own encoder (libs/features), with
// the numbers that were fitted in training. Nothing is sent anywhere; the answer is the server's to 1e-5.
//
// ?trainer=http://127.0.0.1:8020&project=flights&version=1; optional &model=<URL of another model.json>, for example
// serving's own http://127.0.0.1:8030/v2/models/flights/versions/1/artifacts/tfjs/model.json.

import { parsePlan, RowEncoder } from '/libs/features/src/index.js';

const { tf } = globalThis;

/** Files named by the package's hash are kept by the browser for ever; the version's number alone is asked again. */
export async function loadPackage({ trainer, project, version, model }) {
  const base = `${trainer}/v1/projects/${project}/models/${version}/artifacts`;
  const manifest = await read(`${base}/manifest.json`).then((answer) => answer.json());
  const pin = `?sha256=${manifest.packageSha256}`;
  const [plan, network] = await Promise.all([
    read(`${base}/features.json${pin}`)
      .then((answer) => answer.text())
      .then(parsePlan),
    tf.loadLayersModel(model ?? `${base}/tfjs/model.json${pin}`),
  ]);
  return { inputs: plan.inputs, predict: predictor(plan, network) };
}

/** Rows as objects, column → value, to probabilities. A timestamp is milliseconds since 1970, UTC. */
function predictor(plan, network) {
  const encoder = new RowEncoder(plan);
  return (rows) => {
    const values = new Float32Array(rows.length * encoder.width);
    rows.forEach((row, i) => {
      const raw = plan.inputs.map(({ name }) => row[name] ?? null);
      encoder.encodeRow(raw, values, i * encoder.width);
    });
    return tf.tidy(() => {
      const encoded = tf.tensor2d(values, [rows.length, encoder.width]);
      return [...network.predict(encoded, { batchSize: 1024 }).dataSync()];
    });
  };
}

async function read(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}

const element = (id) => document.getElementById(id);
const EXAMPLES = { number: 1, integer: 1, timestamp: 0, text: '', boolean: false };

async function start() {
  const asked = Object.fromEntries(new URLSearchParams(location.search));
  const loaded = await loadPackage({ trainer: 'http://127.0.0.1:8020', project: 'flights', version: '1', ...asked });
  element('state').textContent = `Inputs: ${loaded.inputs.map(({ name, type }) => `${name} (${type})`).join(', ')}.`;
  element('rows').value = JSON.stringify(
    [Object.fromEntries(loaded.inputs.map(({ name, type }) => [name, EXAMPLES[type]]))],
    null,
    2,
  );
  element('predict').onclick = () => {
    try {
      const answers = loaded.predict(JSON.parse(element('rows').value));
      element('answer').textContent = answers.map((p) => `probability ${p.toFixed(6)}`).join('\n');
    } catch (error) {
      element('answer').textContent = String(error);
    }
  };
  element('predict').disabled = false;
  return loaded;
}

// For whoever drives the page from outside.
globalThis.millrace = start().catch((error) => {
  element('state').textContent = String(error);
  throw error;
});
