"""What people rely on, and which tests hold it: the table behind docs/reference/trust.md."""

from typing import NamedTuple


class Promise(NamedTuple):
    """A promise with the invariant that makes it testable, what may go wrong, and the tests that try it."""

    promise: str
    invariants: str
    faults: str
    tests: tuple[str, ...]


class Incident(NamedTuple):
    """Something that happened to users of other software, and the naive habit that our scene plays it with.

    The first test plays the scene twice: the naive client comes to harm, ours does not. The others look closer.
    """

    name: str
    what: str
    habit: str
    tests: tuple[str, ...]


PROMISES = (
    Promise("One decision, at most one order", "I1", "time-outs, resets, 5xx, kills", (
        "test_an_unknown_outcome_is_never_sent_again_but_asked_for",
        "test_only_what_changes_nothing_may_be_sent_twice",
        "test_a_client_order_id_is_never_used_for_a_second_order",
        "test_sending_again_after_an_unknown_outcome_is_found",
    )),
    Promise("No fill is lost or counted twice", "I3, I5", "dropped and repeated events, gaps, late reads", (
        "test_a_fill_is_booked_once_however_often_it_is_told",
        "test_an_event_that_the_user_stream_dropped_is_found_by_a_look",
        "test_an_end_that_the_user_stream_tells_waits_for_the_trades_it_did_not_tell",
        "test_trades_that_are_not_yet_readable_are_waited_for",
    )),
    Promise("The ledger is the exchange, to the last unit", "I4", "fees in a third asset, dust, deposits, restarts", (
        "test_balances_are_exact_to_the_last_unit_and_cancel_out",
        "test_killed_between_any_two_records_an_account_goes_on_with_exact_money",
        "test_journal_and_exchange_are_compared_and_left_as_they_are",
        "test_a_difference_to_the_exchange_is_posted_openly",
    )),
    Promise("No order without a durable intent", "I2", "database away, kills around the commit", (
        "test_what_is_decided_is_written_down_before_it_is_sent",
        "test_nothing_is_sent_while_the_journal_is_away_and_all_goes_on_after",
        "test_sending_before_writing_down_is_found",
    )),
    Promise("Limits hold under every race and restart", "I6, I8", "restarts, unknown outcomes, runaway strategies", (
        "test_no_more_orders_leave_in_a_minute_than_allowed_but_stops_do",
        "test_one_decision_has_few_children",
        "test_entries_share_one_wallet",
        "test_a_strategy_cannot_sell_what_it_did_not_buy",
    )),
    Promise("Unknown is a state, not an error to guess away", "I7", "time-outs, 5xx, outages of queries", (
        "test_absence_is_believed_only_after_the_fence",
        "test_errors_while_asking_prove_nothing",
        "test_coming_back_without_asking_about_open_orders_is_found",
    )),
    Promise("It stops safely, alone, loudly", "I8, I9", "lost lease, paused process, kill switch, revoked key", (
        "test_who_does_not_own_the_account_sends_nothing_at_all",
        "test_a_holder_that_was_stopped_wakes_up_knowing_that_its_time_is_over",
        "test_without_a_database_it_takes_the_keys_from_the_sealed_copy",
        "test_a_revoked_key_stops_the_start_with_cause_and_fix",
    )),
    Promise("Secrets never leave", "I12", "logs, tracebacks, answers, files", (
        "test_no_registered_secret_survives_wherever_it_stands",
        "test_accounts_show_kpis_by_mode_and_no_secret",
        "test_a_secret_opens_for_no_other_account_field_or_environment",
    )),
    Promise("Only authorised people act, and it is on record", "I13", "foreign pages, copied requests, altered rows", (
        "test_without_a_token_of_the_session_nothing_is_stopped",
        "test_the_switch_needs_the_csrf_token",
    )),
    Promise("The proof ships with the product", "I10, I11, I14", "another machine, another day", (
        "test_engine_memory_tables_and_replay_come_to_the_same_digest",
        "test_any_harm_to_the_stream_is_found",
        "test_facts_are_never_changed_or_deleted",
        "test_an_exported_journal_replays_anywhere",
        "test_the_same_events_give_the_same_outcomes",
    )),
)  # fmt: skip

INCIDENTS = (
    Incident("nautilus #4215", "-1007, then the accepted event, and the resend still fires: a duplicate", "sends the same request again under the same id", (
        "test_nautilus_4215_a_time_out_of_an_accepted_order_is_not_followed_by_a_resend",
        "test_an_unknown_outcome_is_never_sent_again_but_asked_for",
        "test_sending_again_after_an_unknown_outcome_is_found",
    )),
    Incident("nautilus #4958, #3104, #3878", "unanswered orders called rejected though they live", "asks five times, counts errors too, calls it rejected", (
        "test_nautilus_4958_an_order_that_nobody_can_ask_about_is_not_called_rejected",
        "test_absence_is_believed_only_after_the_fence",
        "test_errors_while_asking_prove_nothing",
    )),
    Incident("nautilus #3861", "fills lost while the listen key is replaced", "opens a new key and asks about nothing", (
        "test_nautilus_3861_fills_while_the_listen_key_is_replaced_are_not_lost",
        "test_after_a_new_listen_key_the_gap_is_asked_for",
        "test_before_a_connection_grows_too_old_the_next_one_delivers",
    )),
    Incident("hummingbot #493, #6901, #3374", "a time-out taken as failure: orphan orders", "no answer: failed", (
        "test_hummingbot_493_a_time_out_is_not_a_failure_and_leaves_no_orphan",
        "test_an_answer_that_does_not_come_in_time_is_an_unknown_outcome",
        "test_a_lost_answer_is_unknown_until_the_exchange_shows_the_order",
    )),
    Incident("catalyst #317", "a read time-out, ordered again, refused in a loop", "no answer: orders anew", (
        "test_catalyst_317_a_read_time_out_is_not_ordered_again_until_the_money_is_gone",
        "test_a_definite_refusal_ends_the_order_with_its_code",
        "test_a_limited_order_is_not_sent_again_and_nothing_goes_out_until_the_wait_ends",
    )),
    Incident("freqtrade #3647, #6907, #5482", "filled at the exchange, dropped in the database", "`unknown order` on a cancel: cancelled", (
        "test_freqtrade_3647_an_order_that_filled_before_its_cancel_is_booked",
        "test_an_order_unknown_to_a_cancel_is_asked_for_and_found_filled",
        "test_an_end_that_the_user_stream_tells_waits_for_the_trades_it_did_not_tell",
    )),
    Incident("binance-trader #182, #239", "sold the owner's own long-term holdings", "sells the balance that it sees", (
        "test_binance_trader_182_the_owners_own_holdings_are_never_sold",
        "test_a_strategy_cannot_sell_what_it_did_not_buy",
    )),
    Incident("freqtrade #1084, #1371, #4324; volatility-bot #204", "fees in BNB or base: cannot sell, dust", "sells what it ordered, rounded to nearest", (
        "test_freqtrade_1084_a_fee_taken_in_the_bought_asset_does_not_keep_it_from_being_sold",
        "test_what_is_left_and_too_small_to_trade_becomes_dust",
        "test_a_fee_in_another_asset_keeps_the_worth_at_which_it_was_booked",
    )),
    Incident("python-binance #1057, #1090, #670", "a stream is silent while its pings work", "believes the stream alone", (
        "test_python_binance_1057_a_stream_that_is_silent_while_its_connection_lives_hides_no_fill",
        "test_a_silent_stream_whose_market_moves_is_opened_again",
        "test_an_event_that_the_user_stream_dropped_is_found_by_a_look",
    )),
    Incident("hummingbot #1291, BTCT #427", "429 ignored, then banned by 418", "asks on at once", (
        "test_hummingbot_1291_a_429_is_waited_for_and_never_becomes_a_ban",
        "test_nothing_goes_out_until_the_ban_is_over",
        "test_a_ban_holds_every_account_and_process_of_this_machine_until_it_is_over",
    )),
    Incident("binance-trade-bot #215 and others", "-1021: a clock that is off", "signs by the local clock", (
        "test_binance_trade_bot_215_a_clock_that_is_off_stops_no_order",
        "test_a_clock_that_is_off_is_set_and_the_subscription_signed_again",
        "test_one_slow_answer_does_not_move_the_clock",
    )),
    Incident("freqtrade #8666, hummingbot #1791", "two bots on one account", "no lease", (
        "test_freqtrade_8666_of_two_bots_on_one_account_one_sends",
        "test_of_many_who_try_at_once_one_gets_it",
        "test_epochs_of_another_database_are_told_from_ours",
    )),
    Incident("torchtrade #277", "a failed change of leverage swallowed", "swallows the refusal", (
        "test_torchtrade_277_a_setting_that_could_not_be_made_is_not_traded_on",
        "test_an_account_that_cannot_be_traded_as_it_is_says_so",
    )),
    Incident("NOFX (2025-11)", "a mode without login showed the keys", "a default mode without login", (
        "test_nofx_2025_nobody_reads_keys_without_a_login_whatever_the_mode",
        "test_accounts_show_kpis_by_mode_and_no_secret",
        "test_without_a_token_of_the_session_nothing_is_stopped",
    )),
    Incident("3Commas (2022-12)", "leaked keys traded thin coins", "takes any key that trades", (
        "test_3commas_2022_a_key_that_may_do_more_than_trade_from_here_is_objected_to",
        "test_no_more_orders_leave_in_a_minute_than_allowed_but_stops_do",
        "test_a_key_may_trade_and_read_and_take_no_money_out",
    )),
    Incident("OctoBot PYSEC-2022-235", "an upload in the web page ran as code", "runs what is uploaded", (
        "test_octobot_pysec_2022_235_nothing_that_is_sent_to_the_dashboard_runs",
    )),
    Incident("Knight (2012)", "212 parents became 4 million children: nothing looked right before the wire", "children until the end is heard", (
        "test_knight_2012_one_parent_has_few_children",
        "test_one_decision_has_few_children",
        "test_each_state_lets_its_own_commands_pass",
    )),
)  # fmt: skip
