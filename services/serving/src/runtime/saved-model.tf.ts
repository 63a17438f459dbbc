// A TensorFlow SavedModel's signature as an engine: its named inputs and outputs with the graph's own types. The addon
// is spoken to directly, because tfjs's TFSavedModel knows neither 64-bit integers nor most types (it would round
// them).

import { PlatformError } from '@millrace/domain';
import type { Tensor, TensorSpec } from '@millrace/inference';
import savedModels from '@tensorflow/tfjs-node-gpu/dist/saved_model.js';
import type { EngineCall, TensorEngine } from './tensor-engine.js';
import { CallTensors, datatypeOfTf, tensorflow } from './tensorflow-tensors.tf.js';

const DEFAULT_SIGNATURE = 'serving_default';

export interface SavedModelChoice {
  /** undefined = not named. */
  signature: string | undefined;
  /** With commas between. */
  tags: string;
}

/** What the generated protobuf classes of tfjs-node offer of TensorInfo and SignatureDef. */
interface TensorInfoMessage {
  getName(): string;
  getDtype(): number;
  getTensorShape(): { getUnknownRank(): boolean; getDimList(): { getSize(): number }[] } | undefined;
}

interface InfoMap {
  keys(): Iterator<string>;
  get(name: string): TensorInfoMessage;
}

interface SignatureMessage {
  getInputsMap(): InfoMap;
  getOutputsMap(): InfoMap;
}

interface MetaGraphMessage {
  getMetaInfoDef(): { getTagsList(): string[] };
  getSignatureDefMap(): { keys(): Iterator<string>; get(name: string): SignatureMessage | undefined };
}

interface Slot {
  spec: TensorSpec;
  /** Operation and index in the graph, for example "serving_default_x:0". */
  operation: string;
}

function entries(keys: Iterator<string>): string[] {
  const names: string[] = [];
  for (let next = keys.next(); !next.done; next = keys.next()) names.push(next.value);
  return names.sort();
}

function slots(map: InfoMap): Slot[] {
  return entries(map.keys()).map((name) => {
    const info = map.get(name);
    const datatype = datatypeOfTf(info.getDtype());
    if (!datatype) {
      throw new PlatformError(
        'unimplemented',
        `'${name}' is of TensorFlow's type ${info.getDtype()}, which V2 has not`,
      );
    }
    // An unknown rank reads as []; the configuration's dims say what clients may send.
    const shape = info.getTensorShape()?.getDimList() ?? [];
    return { spec: { name, datatype, shape: shape.map((dim) => dim.getSize()) }, operation: info.getName() };
  });
}

async function signatureOf(folder: string, { signature, tags }: SavedModelChoice): Promise<SignatureMessage> {
  const message = (await savedModels.readSavedModelProto(folder)) as { getMetaGraphsList(): MetaGraphMessage[] };
  const graphs = message.getMetaGraphsList();
  const wanted = tags.split(',').sort().join();
  const graph = graphs.find((one) => [...one.getMetaInfoDef().getTagsList()].sort().join() === wanted);
  if (!graph) {
    const known = graphs.map((one) => one.getMetaInfoDef().getTagsList().join()).join(' or ');
    throw new PlatformError('corrupt', `the SavedModel has no graph with the tags '${tags}', it has ${known}`);
  }
  const map = graph.getSignatureDefMap();
  const known = entries(map.keys()).filter((name) => !name.startsWith('__'));
  // Not named: TensorFlow's usual one, or the only one there is.
  const only = known.length === 1 ? known[0] : undefined;
  const found = map.get(signature ?? (only || DEFAULT_SIGNATURE));
  if (found) return found;
  throw new PlatformError(
    'corrupt',
    `the SavedModel has no signature '${signature ?? DEFAULT_SIGNATURE}', it has ${known.join(', ')}; name one by TF_SIGNATURE_DEF`,
  );
}

class SavedModelEngine implements TensorEngine {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];

  constructor(
    private readonly session: number,
    private readonly ins: readonly Slot[],
    private readonly outs: readonly Slot[],
  ) {
    this.inputs = ins.map(({ spec }) => spec);
    this.outputs = outs.map(({ spec }) => spec);
  }

  async run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    const { binding } = tensorflow();
    const outs =
      call.outputs.length === 0 ? this.outs : this.outs.filter(({ spec }) => call.outputs.includes(spec.name));
    const tensors = new CallTensors(binding);
    try {
      const ids = this.ins.map(({ spec }) => {
        const tensor = inputs.find(({ name }) => name === spec.name);
        if (!tensor) throw new PlatformError('invalid_argument', `input '${spec.name}' is missing`);
        return tensors.put(tensor);
      });
      const names = (these: readonly Slot[]) => these.map(({ operation }) => operation).join(',');
      const results = binding.runSavedModel(this.session, ids, names(this.ins), names(outs));
      return results.map((result, i) => tensors.take((outs[i] as Slot).spec.name, result));
    } catch (thrown) {
      throw failure(thrown);
    } finally {
      tensors.close();
    }
  }

  async close(): Promise<void> {
    tensorflow().binding.deleteSavedModel(this.session);
  }
}

/** TensorFlow says nothing but words; these are about the shapes and types that came in. */
const OF_THE_REQUEST =
  /incompatible|shape|expects|expected.*(?:rank|dimension|size)|cannot (?:feed|reshape)|out of range|indices/i;

export function failure(thrown: unknown): PlatformError {
  if (thrown instanceof PlatformError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new PlatformError(OF_THE_REQUEST.test(reason) ? 'invalid_argument' : 'internal', reason, { cause: thrown });
}

/** Throws corrupt or unimplemented; whatever else is thrown is TensorFlow's own. */
export async function openSavedModel(folder: string, choice: SavedModelChoice): Promise<TensorEngine> {
  const signature = await signatureOf(folder, choice);
  const ins = slots(signature.getInputsMap());
  const outs = slots(signature.getOutputsMap());
  return new SavedModelEngine(tensorflow().loadSavedModelMetaGraph(folder, choice.tags), ins, outs);
}
