/** What every peer is started with: variables of the service that it stands in for. Its store it reads with `required`. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  /** With a version and without a slash at the end. */
  readonly apiUrl: string;
  readonly accessToken: string;
  readonly appSecret: string;
  /** Webhooks are queued and nothing is handled, so that receiving can be measured alone. */
  readonly receiveOnly: boolean;
}

/** @throws Error that names a variable that is missing */
export function readSettings(): Settings {
  return {
    host: required('HOST'),
    port: Number(required('PORT')),
    apiUrl: required('WHATSAPP_API_URL'),
    accessToken: required('WHATSAPP_ACCESS_TOKEN'),
    appSecret: required('WHATSAPP_WEBHOOK_SECRET'),
    receiveOnly: process.env['RECEIVE_ONLY'] === '1',
  };
}

/** The value of a variable. @throws Error with its name if it is missing */
export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
