/**
 * Whole webhook bodies exactly as on the wire, with their HMAC-SHA256 under the key `test_app_secret`, computed with another
 * implementation (OpenSSL). All data in them is made up.
 */
export interface WireVector {
  readonly name: string;
  readonly body: string;
  readonly appSecret: string;
  readonly signature: string;
}

export const WIRE_VECTORS: readonly WireVector[] = [
  {
    name: 'emoji as surrogate pairs',
    body: String.raw`{"object":"whatsapp_business_account","entry":[{"id":"218765430912345","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100200","phone_number_id":"109876543210987"},"contacts":[{"profile":{"name":"Zo\u00eb \ud83c\udf08\u2728"},"wa_id":"447700900106","user_id":"GB.40231187650923417770"}],"messages":[{"from":"447700900106","from_user_id":"GB.40231187650923417770","id":"wamid.HBgMNDQ3NzAwOTAwMTA2FQIAEhgUM0E1Q0VCRDJENTUzNjFGNUMyRTkA","timestamp":"1790001267","type":"text","text":{"body":"\ud83c\udf89\ud83d\udc69\ud83c\udffd\u200d\ud83d\ude92"}}]},"field":"messages"}]}]}`,
    appSecret: 'test_app_secret',
    signature: 'sha256=9017e409c92cd1a9d1843f989e0462d56b2e58f1e9eb94c5d0b084409887c2d2',
  },
  {
    name: 'escaped slashes',
    body: String.raw`{"object":"whatsapp_business_account","entry":[{"id":"218765430912345","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100200","phone_number_id":"109876543210987"},"contacts":[{"profile":{"name":"Luc\u00eda Fern\u00e1ndez"},"wa_id":"34000501003","user_id":"ES.40231187650923417767"}],"messages":[{"from":"34000501003","from_user_id":"ES.40231187650923417767","id":"wamid.HBgLMzQwMDA1MDEwMDMVAgASGBQzQUFDNUY1RjYzMEQxRjg4RDA5NAA=","timestamp":"1790001269","type":"image","image":{"caption":"un caf\u00e9","mime_type":"image\/jpeg","sha256":"CyUrl7mq\/8Z91i4ZwCDHdBTlj32XtBwWAu6esD5lUw4=","id":"1003383421387077","url":"https:\/\/lookaside.fbsbx.com\/whatsapp_business\/attachments\/?mid=1003383421387077&source=webhook&ext=1790000300&hash=AR3371b25be6-760FEA70176F"}}]},"field":"messages"}]}]}`,
    appSecret: 'test_app_secret',
    signature: 'sha256=27df2665219f1290adadd03bff6888526ef97de71250f47478c430c75d5ae633',
  },
  {
    name: 'Arabic',
    body: String.raw`{"object":"whatsapp_business_account","entry":[{"id":"218765430912345","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100200","phone_number_id":"109876543210987"},"contacts":[{"profile":{"name":"\u0639\u0644\u064a \u062d\u0633\u0646"},"wa_id":"200000010104","user_id":"EG.40231187650923417768"}],"messages":[{"from":"200000010104","from_user_id":"EG.40231187650923417768","id":"wamid.HBgMMjAwMDAwMDEwMTA0FQIAEhgUM0E0MzE1MzkxMjU5RDU4RDE0NDMA","timestamp":"1790001268","type":"text","text":{"body":"\u0645\u0631\u062d\u0628\u0627 \u0643\u064a\u0641 \u0627\u0644\u062d\u0627\u0644"}}]},"field":"messages"}]}]}`,
    appSecret: 'test_app_secret',
    signature: 'sha256=7e978e72c7ab63d4f05e64db7143498e25b8169deb67959ab7a55af514816c15',
  },
  {
    name: 'minified',
    body: '{"object":"whatsapp_business_account","entry":[]}',
    appSecret: 'test_app_secret',
    signature: 'sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756',
  },
  {
    name: 'minified, another secret',
    body: '{"object":"whatsapp_business_account","entry":[]}',
    appSecret: 'otro_secreto',
    signature: 'sha256=769b03d8c2ae6498f2d1e1f7299c0ba55448c69d741e7b0bb243d852d8a8d8c7',
  },
];

/** Not minified: a body as it is, of which re-serialising would make another. */
export const SPACED_VECTOR: WireVector = {
  name: 'with spaces',
  body: '{"object": "whatsapp_business_account", "entry": []}',
  appSecret: 'test_app_secret',
  signature: 'sha256=56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a',
};
