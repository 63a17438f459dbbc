// Keeps one sum per sequence. A sequence that never ends is forgotten when 10,000 newer ones came.

const SEQUENCES_MAX = 10_000;

interface Call {
  sequence?: { id: string; start: boolean; end: boolean };
}

function refused(why: string): Error {
  return Object.assign(new Error(why), { code: 'invalid_argument' });
}

export default function accumulator() {
  const sums = new Map<string, number>();
  return {
    inputs: [{ name: 'INPUT', datatype: 'INT32', shape: [1] }],
    outputs: [{ name: 'OUTPUT', datatype: 'INT32', shape: [1] }],
    run({ INPUT }: { INPUT: { shape: readonly number[]; data: Int32Array } }, { sequence }: Call) {
      if (!sequence) throw refused('the model keeps a sum per sequence: say sequence_id');
      const { id, start, end } = sequence;
      const before = start ? 0 : sums.get(id);
      if (before === undefined) throw refused(`sequence '${id}' has not started: say sequence_start`);
      const data = new Int32Array(INPUT.data.length);
      let sum = before;
      for (let i = 0; i < data.length; i++) {
        sum = (sum + (INPUT.data[i] as number)) | 0;
        data[i] = sum;
      }
      // Deleted first, so that a map's order is that of the last use.
      sums.delete(id);
      if (!end) sums.set(id, sum);
      if (sums.size > SEQUENCES_MAX) sums.delete(sums.keys().next().value as string);
      return { OUTPUT: { shape: INPUT.shape, data } };
    },
  };
}
