/** What a peer is started with: the variables of the service that it stands in for. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** With a version and without a slash at the end. */
  readonly apiUrl: string;
  readonly accessToken: string;
  readonly appSecret: string;
}

/** @throws Error that names a variable that is missing */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  return {
    host: required(env, 'HOST'),
    port: Number(required(env, 'PORT')),
    databaseUrl: required(env, 'DATABASE_URL'),
    redisUrl: required(env, 'REDIS_URL'),
    apiUrl: required(env, 'WHATSAPP_API_URL'),
    accessToken: required(env, 'WHATSAPP_ACCESS_TOKEN'),
    appSecret: required(env, 'WHATSAPP_WEBHOOK_SECRET'),
  };
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
