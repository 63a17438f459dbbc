// Every Redis key of the platform, in one place. A projection keeps the Kafka offset it stands for beside its state.
// Parts are escaped, so that no project or entity name can reach into another key.

/** "a:b" and "a%3Ab" are different keys; only ":", "%" and braces are escaped. */
function part(text: string | number): string {
  return String(text).replace(
    /[%:{}]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/**
 * Online features of a project (hash: entity → "<event time ms>|<JSON of column → value>"). The braces keep a project's
 * keys in one slot of a Redis cluster, because one script writes them together.
 */
export const featuresKey = (project: string): string => `features:{${part(project)}}`;

/** When each entity's record came in (sorted set: entity by processing time in ms). */
export const featuresIndexKey = (project: string): string => `features:{${part(project)}}:index`;

/** Up to where the online features of a project stand (hash: partition → next offset; columns, entities, expires). */
export const featuresOffsetsKey = (project: string, topic: string): string =>
  `offsets:features:{${part(project)}}:${part(topic)}`;

/** An answer of a model's response cache; the key is a content hash. */
export const responseKey = (hash: string): string => `response:${part(hash)}`;
