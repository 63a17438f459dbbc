// Ceiling of the training bench: one process, the same rows and network, TensorFlow.js's own `model.fit`, no workers
// and no exchange. Prints one JSON line. `node dist/bench/single-fit.tf.js <package folder> <dataset.parquet> <batch
// rows>`

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { encodeRows, type FittedPlan, type RawColumns } from '@millrace/features';

const [folder, parquet, batchText] = process.argv.slice(2) as [string, string, string];
const tf = (await import('@tensorflow/tfjs-node-gpu')).default;
const plan = JSON.parse(readFileSync(join(folder, 'features.json'), 'utf8')) as FittedPlan;
const connection = await (await DuckDBInstance.create(':memory:')).connect();
const names = plan.inputs.map((input) => input.name);
const reader = await connection.runAndReadAll(
  `SELECT "@label", ${names.map((name) => `"${name}"`).join(', ')} FROM read_parquet('${parquet.replaceAll("'", "''")}') WHERE "@label" IS NOT NULL`,
);
const [labels, ...columns] = reader.getColumns() as (number | string | bigint | null)[][];
const raw: Record<string, (number | string | null)[]> = {};
names.forEach((name, i) => {
  raw[name] = (columns[i] ?? []).map((value) => (typeof value === 'bigint' ? Number(value) : value));
});
const rows = labels?.length ?? 0;
const x = tf.tensor2d(encodeRows(plan, raw as RawColumns), [rows, plan.width]);
const y = tf.tensor2d(Float32Array.from(labels as number[]), [rows, 1]);
const model = await tf.loadLayersModel(`file://${join(folder, 'tfjs/model.json')}`);
model.compile({ optimizer: tf.train.adam(0.001), loss: 'binaryCrossentropy' });
const settings = { batchSize: Number(batchText), verbose: 0 as const, shuffle: true };
await model.fit(x.slice(0, Math.min(rows, 20_000)), y.slice(0, Math.min(rows, 20_000)), { ...settings, epochs: 1 });
const started = process.hrtime.bigint();
await model.fit(x, y, { ...settings, epochs: 1 });
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
process.stdout.write(`${JSON.stringify({ rows, seconds, rowsPerSecond: rows / seconds })}\n`);
