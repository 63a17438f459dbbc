// prediction get: what was asked and answered once, out of the monitor's archive, with what became of it.

import { PlatformError, predictionId, timeText } from '@millrace/domain';
import type { Command } from 'commander';
import { table } from '../table.js';
import { action, type Context } from './context.js';
import { projectName, someId, time } from './option-values.js';

type Found = Awaited<ReturnType<Context['control']['archivedPrediction']>>;

export function predictionCommands(program: Command): void {
  const prediction = program.command('prediction').description('predictions that were answered once');
  prediction
    .command('get')
    .description('a prediction out of the archive by its id: inputs, answer, version, labels')
    .argument('<project>', 'its name', projectName)
    .argument('<id>', '<request id>/<row>, as the answer said, or the id of a record that was predicted', someId)
    .option('--around <time>', 'its event time, where it is known: less is read', time)
    .action(
      action(async (context, project: string, id: string, options: { around?: number }) => {
        const found = await ofAnyName(context, project, id, options.around);
        context.print(found, (width) => foundText(found, width), [`millrace models ${project}`]);
        return 0;
      }),
    );
}

/** A record's id may have a slash, too. */
async function ofAnyName({ control }: Context, project: string, id: string, around?: number): Promise<Found> {
  const ofRecord = predictionId(id, 0);
  if (!id.includes('/')) return control.archivedPrediction(project, ofRecord, around);
  try {
    return await control.archivedPrediction(project, id, around);
  } catch (thrown) {
    const error = PlatformError.from(thrown);
    if (error.code !== 'not_found') throw error;
    return control.archivedPrediction(project, ofRecord, around).catch(() => {
      throw error;
    });
  }
}

function foundText({ predictions, labels }: Found, width: number | undefined): string {
  const several = `${predictions.length} predictions have this id, the newest first: a client used it again`;
  return [
    ...(predictions.length > 1 ? [several] : []),
    ...predictions.map((one) => table(['field', 'value'], predictionRows(one), width)),
    ...(labels.length === 0
      ? ['no label came for it']
      : [table(['label', 'known', 'source'], labelRows(labels), width)]),
  ].join('\n\n');
}

function predictionRows(one: Found['predictions'][number]): string[][] {
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return [
    ['event time', timeText(one.eventTimeMs)],
    ['answered', `${timeText(one.answeredAtMs)}, in ${one.latencyUs} µs`],
    ['by version', `${one.modelVersion}${one.role === 'live' ? '' : `, as ${one.role}`}`],
    ['model', one.modelSha256 || '-'],
    ['entity', one.entity || '-'],
    ...one.outputs.map(({ name, value }) => [name, shown(value)]),
    ['inputs, in order', one.features.map(shown).join(', ')],
    ['trace', one.traceId || '-'],
  ];
}

const labelRows = (labels: Found['labels']): string[][] =>
  labels.map(({ value, knownAtMs, source }) => [
    String(value),
    knownAtMs > 0 ? timeText(knownAtMs) : 'not said',
    source || '-',
  ]);
