import { expect } from 'chai';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import type { InboundMessage, WebhookEvent } from '../../../src/core/model.ts';
import type { WebhookElement } from '../../../src/core/ports/receiving.ts';
import { ACCOUNT_ID, bodyNames, bodyOf, entriesOf, eventsIn, PHONE_NUMBER_ID } from './webhook-bodies.ts';

/** What each recorded body is made of, in order: kind, type, what it is exactly, codes of its errors. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  batch_contacts_order_reversed: ['message text', 'message text'],
  batch_duplicate_wamid_in_body: ['message text', 'message text'],
  batch_good_and_malformed_message: [
    'message text',
    'quarantined wrong_shape entry[0].changes[0].value.messages[1]',
    'quarantined wrong_shape entry[0].changes[0].value.messages[2]',
    'message text',
  ],
  batch_messages_and_statuses_same_value: ['message text', 'status delivered', 'status read'],
  batch_two_messages_one_change: ['message text', 'message text'],
  batch_two_numbers_two_changes: ['message text', 'message text'],
  err_value_131035_no_storage: ['account messages'],
  f_account_alerts: ['account account_alerts'],
  f_account_review_update: ['account account_review_update'],
  f_account_settings_update_calling: ['account account_settings_update'],
  f_account_update_account_restriction: ['account account_update'],
  f_account_update_ad_account_linked: ['account account_update'],
  f_account_update_disabled_update: ['account account_update'],
  f_account_update_offboarded: ['account account_update'],
  f_account_update_partner_added: ['account account_update'],
  f_account_update_partner_app_installed: ['account account_update'],
  f_account_update_partner_certification: ['account account_update'],
  f_account_update_partner_removed: ['account account_update'],
  f_account_update_primary_location: ['account account_update'],
  f_account_update_unknown_event: ['account account_update'],
  f_account_update_volume_tier: ['account account_update'],
  f_automatic_events_lead: ['account automatic_events'],
  f_automatic_events_purchase: ['account automatic_events'],
  f_business_capability_update: ['account business_capability_update'],
  f_business_capability_update_number: ['account business_capability_update'],
  f_business_capability_update_v23: ['account business_capability_update'],
  f_business_username_update: ['account business_username_update'],
  f_calls_connect_business_initiated: ['account calls'],
  f_calls_recording_available: ['account calls'],
  f_calls_status_accepted: ['account calls'],
  f_calls_status_rejected: ['account calls'],
  f_calls_status_ringing: ['account calls'],
  f_calls_terminate_failed_errors: ['account calls'],
  f_consumer_profile_unknown_shape: ['account consumer_profile'],
  f_flows_status_change: ['account flows'],
  f_group_join_request: ['account group_participants_update'],
  f_group_lifecycle_create: ['account group_lifecycle_update'],
  f_group_lifecycle_delete: ['account group_lifecycle_update'],
  f_group_participants_add: ['account group_participants_update'],
  f_group_participants_remove: ['account group_participants_update'],
  f_group_settings_update: ['account group_settings_update'],
  f_group_status_suspend: ['account group_status_update'],
  f_history_declined: ['account history'],
  f_history_empty_progress: ['account history'],
  f_history_media_message: ['account history'],
  f_history_threads: ['account history'],
  f_message_echoes_field: ['account message_echoes'],
  f_message_template_components_update: ['account message_template_components_update'],
  f_message_template_status_approved: ['account message_template_status_update'],
  f_message_template_status_disabled: ['account message_template_status_update'],
  f_message_template_status_flagged: ['account message_template_status_update'],
  f_messaging_handovers_control_passed: ['account messaging_handovers'],
  f_payment_configuration_update: ['account payment_configuration_update'],
  f_phone_number_quality_update: ['account phone_number_quality_update'],
  f_security_pin: ['account security'],
  f_smb_app_state_sync_remove: ['account smb_app_state_sync'],
  f_smb_message_echoes_edit: ['account smb_message_echoes'],
  f_smb_message_echoes_revoke: ['account smb_message_echoes'],
  f_smb_message_echoes_text: ['account smb_message_echoes'],
  f_standby_empty: ['account standby'],
  f_standby_message: ['account standby'],
  f_standby_status: ['account standby'],
  f_template_category_update_done: ['account template_category_update'],
  f_template_category_update_impending: ['account template_category_update'],
  f_unknown_field: ['account brand_new_field_2027'],
  f_user_preferences_bsuid_only: ['account user_preferences'],
  f_user_preferences_resume: ['account user_preferences'],
  f_user_preferences_signup: ['account user_preferences'],
  in_audio_voice_note: ['message audio'],
  in_button_template_quick_reply: ['message button'],
  in_document_no_filename: ['message document'],
  in_document_pdf: ['message document'],
  in_image_caption_url: ['message image'],
  in_image_no_caption_no_url: ['message image'],
  in_interactive_button_reply: ['message interactive button_reply'],
  in_interactive_call_permission_permanent: ['message interactive call_permission_reply'],
  in_interactive_call_permission_reject: ['message interactive call_permission_reply'],
  in_interactive_list_reply: ['message interactive list_reply'],
  in_interactive_nfm_reply_address: ['message interactive nfm_reply'],
  in_interactive_nfm_reply_bad_json: ['message interactive nfm_reply'],
  in_interactive_nfm_reply_flow: ['message interactive nfm_reply'],
  in_interactive_nfm_reply_no_token: ['message interactive nfm_reply'],
  in_interactive_without_body_with_value_errors: ['message interactive unknown 131000'],
  in_location_place: ['message location'],
  in_media_error_131052: ['message unsupported 131052'],
  in_reaction_skin_tone: ['message reaction'],
  in_request_welcome: ['message unknown request_welcome'],
  in_revoke: ['message revoke'],
  in_sticker_animated: ['message sticker'],
  in_sticker_static: ['message sticker'],
  in_system_customer_changed_number_legacy: ['message system customer_changed_number'],
  in_system_customer_identity_changed_legacy: ['message system customer_identity_changed'],
  in_system_user_changed_number_bsuid: ['message system user_changed_number'],
  in_system_user_changed_user_id: ['message system user_changed_user_id'],
  in_text: ['message text'],
  in_text_accented: ['message text'],
  in_text_cjk: ['message text'],
  in_text_ctwa_ad_image: ['message text'],
  in_text_ctwa_ad_video: ['message text'],
  in_text_forwarded: ['message text'],
  in_text_frequently_forwarded: ['message text'],
  in_text_html_and_json_injection: ['message text'],
  in_text_identity_key_hash: ['message text'],
  in_text_legacy_no_bsuid: ['message text'],
  in_text_long_4096: ['message text'],
  in_text_multiline_controls: ['message text'],
  in_text_nul_char: ['quarantined nul_character entry[0].changes[0].value.messages[0]'],
  in_text_product_enquiry: ['message text'],
  in_text_proto_pollution_keys: ['message text'],
  in_text_referral_post: ['message text'],
  in_text_reply_context: ['message text'],
  in_text_rtl_hebrew_bidi_controls: ['message text'],
  in_text_unknown_extra_fields: ['message text'],
  in_text_url_email_percent: ['message text'],
  in_text_very_long_65536: ['message text'],
  in_text_wa_id_differs_from_from: ['message text'],
  in_text_whitespace_only: ['message text'],
  in_type_ephemeral_legacy: ['message unknown ephemeral 131051'],
  in_type_future_poll: ['message unknown poll'],
  in_type_missing: ['message unknown'],
  in_type_unknown_legacy: ['message unsupported 131051'],
  in_unsupported: ['message unsupported 131051'],
  in_unsupported_131060: ['message unsupported media_placeholder 131060'],
  in_unsupported_edit: ['message unsupported edit 131051'],
  in_unsupported_gif: ['message unsupported gif 131051'],
  in_unsupported_group_invite: ['message unsupported group_invite 131051'],
  in_video_3gpp_no_caption: ['message video'],
  odd_contact_without_profile: ['message text'],
  odd_empty_entry: [],
  odd_long_wamid: ['message text'],
  odd_no_metadata: ['quarantined wrong_shape entry[0].changes[0]'],
  odd_timestamp_far_past: ['message text'],
  odd_value_null: ['quarantined wrong_shape entry[0].changes[0]'],
  odd_value_without_messages_or_statuses: ['account messages'],
  st_deleted_unexpected: ['status unknown deleted'],
  st_delivered_auth_international: ['status delivered'],
  st_delivered_bsuid_only: ['status delivered'],
  st_delivered_free_service: ['status delivered'],
  st_delivered_identity_key_hash: ['status delivered'],
  st_delivered_then_failed_multi_device: ['status delivered', 'status failed 131036'],
  st_failed_130472: ['status failed 130472'],
  st_failed_131000: ['status failed 131000'],
  st_failed_131026: ['status failed 131026'],
  st_failed_131036: ['status failed 131036'],
  st_failed_131042: ['status failed 131042'],
  st_failed_131047: ['status failed 131047'],
  st_failed_131048: ['status failed 131048'],
  st_failed_131050: ['status failed 131050'],
  st_failed_131053: ['status failed 131053'],
  st_failed_after_sent: ['status sent', 'status failed 131026'],
  st_failed_bsuid: ['status failed 131026'],
  st_failed_error_data_string: ['status failed 131026'],
  st_group_participant_recipient_id: ['status delivered'],
  st_group_read_aggregated: ['status read', 'status read', 'status delivered'],
  st_out_of_order: ['status read', 'status delivered', 'status sent'],
  st_payment_captured: ['status unknown captured'],
  st_played: ['status played'],
  st_reaction_sent_only: ['status sent'],
  st_read: ['status read'],
  st_read_with_pricing_no_delivered: ['status read'],
  st_same_second: ['status sent', 'status delivered'],
  st_sent_cbp_conversation_legacy: ['status sent'],
  st_sent_free_entry_point: ['status sent'],
  st_sent_no_pricing: ['status sent'],
  st_sent_pmp: ['status sent'],
  st_timestamp_number: ['status delivered'],
  st_warning_unexpected: ['status unknown warning'],
  wire_duplicate_keys: ['message text'],
  wire_image_escaped_slashes: ['message image'],
  wire_text_emoji_surrogates: ['message text'],
  wire_text_raw_utf8: ['message text'],
  wire_text_rtl: ['message text'],
};

function describeElement(element: WebhookElement): string {
  if (element.kind === 'quarantined') return `quarantined ${element.piece.reason} ${element.piece.path}`;
  return describeEvent(element.event);
}

function describeEvent(event: WebhookEvent): string {
  if (event.kind === 'account') return `account ${event.field}`;
  const codes = (event.errors ?? []).map(({ code }) => code);
  const words =
    event.kind === 'message'
      ? ['message', event.type, exactly(event)]
      : ['status', event.status, event.reported === event.status ? undefined : event.reported];
  return [...words, ...codes].filter((word) => word !== undefined).join(' ');
}

function exactly(message: InboundMessage): string | undefined {
  if (message.type === 'interactive') return message.reply.kind;
  if (message.type === 'system') return message.change;
  return message.type === 'unsupported' || message.type === 'unknown' ? message.reported : undefined;
}

describe('The recorded webhooks', () => {
  it('are all expected to be something', () => {
    expect(bodyNames().map((name) => name.replace(/\.json$/, ''))).to.have.members(Object.keys(EXPECTED));
    expect(bodyNames()).to.have.lengthOf(172);
  });

  for (const [name, expected] of Object.entries(EXPECTED))
    it(`${name} is ${expected.join(', ') || 'nothing'}`, () => {
      expect(decodeWebhook(bodyOf(`${name}.json`)).map(describeElement)).to.deep.equal(expected);
    });

  it('keep the value of every field but messages as Meta sent it', () => {
    const names = bodyNames().filter((name) => name.startsWith('f_'));
    expect(names).to.have.length.above(50);
    for (const name of names) {
      const values = entriesOf(name).flatMap((entry) => entry.changes.map(({ value }) => value));
      const events = eventsIn(decodeWebhook(bodyOf(name))).map(({ event }) => event);
      expect(
        events.map((event) => event.kind === 'account' && event.value),
        name,
      ).to.deep.equal(values);
    }
  });

  it('keep every text, account and number, and each timestamp in the key', () => {
    for (const name of bodyNames().filter((one) => /^(in_text|wire_text|st_)/.test(one)))
      for (const { key, event } of eventsIn(decodeWebhook(bodyOf(name)))) {
        const { value } = entriesOf(name)[0]!.changes[0]! as unknown as { value: Record<string, { id: string }[]> };
        const list = event.kind === 'message' ? value['messages'] : value['statuses'];
        const texts = list?.map((wire) => (wire as { text?: { body: string } }).text?.body);
        if (event.kind === 'message' && event.type === 'text') expect(texts, name).to.include(event.text);
        expect(event.businessAccountId).to.equal(ACCOUNT_ID);
        expect(event.phoneNumberId).to.equal(PHONE_NUMBER_ID);
        const atMs = event.kind === 'message' ? event.sentAtMs : (event.occurredAtMs ?? 0);
        expect(key.day, name)
          .to.equal(Math.floor(atMs / 86_400_000))
          .and.to.be.above(20_000);
      }
  });
});
