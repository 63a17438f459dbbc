// inference.ModelConfig as GET …/config answers it: protobuf's JSON with the proto's field names and every field
// present, but 64-bit integers as numbers, as Triton writes them and its clients read them.

import {
  create,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf';
import { ModelConfigSchema } from './gen/inference/model_config_pb.js';

export type ModelConfigInit = MessageInitShape<typeof ModelConfigSchema>;

const WIDE: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

export function modelConfigJson(config: ModelConfigInit): JsonObject {
  const json = toJson(ModelConfigSchema, create(ModelConfigSchema, config), {
    alwaysEmitImplicit: true,
    useProtoFieldName: true,
  }) as JsonObject;
  return withNumbers(ModelConfigSchema, json);
}

function withNumbers(message: DescMessage, json: JsonObject): JsonObject {
  for (const field of message.fields) {
    const value = json[field.name];
    if (value !== undefined && value !== null) json[field.name] = fieldValue(field, value);
  }
  return json;
}

function fieldValue(field: DescField, value: JsonValue): JsonValue {
  if (field.fieldKind === 'list') return (value as JsonValue[]).map((one) => element(field, one));
  if (field.fieldKind !== 'map') return element(field, value);
  const entries = Object.entries(value as JsonObject);
  return Object.fromEntries(entries.map(([key, one]) => [key, element(field, one)]));
}

function element(field: DescField, value: JsonValue): JsonValue {
  if (field.message) return withNumbers(field.message, value as JsonObject);
  return field.scalar !== undefined && WIDE.has(field.scalar) ? Number(value) : value;
}
