// Every Redis key of the platform, in one place. A projection keeps the Kafka offset it stands for beside its state. Parts
// are escaped, so that no project or entity name can reach into another key.

/** "a:b" and "a%3Ab" are different keys; only ":" and "%" are escaped. */
function part(text: string | number): string {
  return String(text).replace(
    /[%:]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** Route of a project (JSON), written by the router. */
export const routeKey = (project: string): string => `route:${part(project)}`;

/** Online features of one entity (hash: column → value). */
export const featuresKey = (project: string, entity: string): string => `features:${part(project)}:${part(entity)}`;

/** Offset up to which a projection stands, by topic and partition (hash field "<partition>"). */
export const offsetsKey = (projection: string, topic: string): string => `offsets:${part(projection)}:${part(topic)}`;

/** Token bucket of one client. */
export const rateKey = (project: string, client: string): string => `rate:${part(project)}:${part(client)}`;
