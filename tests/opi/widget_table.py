"""What Phoebus 5 knows: types of widgets with their versions, properties and the values these take.

Phoebus ignores a property it does not know without a word, so a slip of the pen shows only here.
"""

from __future__ import annotations

VERSIONS = {
    "action_button": "3.0.0", "group": "3.0.0", "meter": "3.0.0", "stripchart": "2.1.0", "textentry": "3.0.0",
    "xyplot": "3.0.0",
}  # fmt: skip
"""All others are 2.0.0, the display itself as well."""

EVERY = "name class x y width height visible tooltip actions rules scripts"
PV = "pv_name border_alarm_sensitive"
TEXT = "font foreground_color background_color horizontal_alignment vertical_alignment"
ASKS = "show_confirm_dialog confirm_message password"
LEVELS = "level_hihi level_high level_low level_lolo show_hihi show_high show_low show_lolo"
CHART = "title title_font show_toolbar show_legend show_grid y_axes traces foreground_color background_color"

OWN = {
    "display": "macros background_color grid_visible grid_color grid_step_x grid_step_y",
    "label": f"text {TEXT} transparent rotation_step auto_size wrap_words border_width border_color",
    "rectangle": "line_width line_color line_style background_color transparent corner_width corner_height",
    "ellipse": "line_width line_color line_style background_color transparent",
    "polyline": "line_width line_color line_style points arrows arrow_length",
    "polygon": "line_width line_color line_style background_color transparent points",
    "picture": "file stretch_image rotation opacity",
    "textupdate": (
        f"{PV} {TEXT} transparent format precision show_units wrap_words rotation_step interactive "
        "border_width border_color"
    ),
    "textentry": (
        f"{PV} {TEXT} format precision show_units wrap_words multi_line enabled border_width border_color"
    ),
    "led": (
        f"{PV} bit off_label off_color on_label on_color font foreground_color line_color square "
        "labels_from_pv"
    ),
    "multi_state_led": f"{PV} states fallback_label fallback_color font foreground_color line_color square",
    "byte_monitor": (
        f"{PV} startBit numBits bitReverse horizontal square off_color on_color foreground_color font labels"
    ),
    "bool_button": (
        f"{PV} {TEXT} {ASKS} bit off_label off_color off_image on_label on_color on_image show_led "
        "labels_from_pv enabled mode"
    ),
    "action_button": f"{PV} {TEXT} {ASKS} text transparent rotation_step enabled",
    "combo": f"{PV} {ASKS} items items_from_pv editable enabled font foreground_color background_color",
    "choice": (
        f"{PV} {ASKS} items items_from_pv horizontal selected_color enabled font foreground_color "
        "background_color"
    ),
    "radio": f"{PV} {ASKS} items items_from_pv horizontal enabled font foreground_color background_color",
    "checkbox": f"{PV} {ASKS} bit label auto_size enabled font foreground_color",
    "slide_button": f"{PV} {ASKS} bit label auto_size enabled font foreground_color on_color off_color",
    "spinner": (
        f"{PV} {TEXT} format precision show_units increment limits_from_pv minimum maximum buttons_on_left "
        "enabled"
    ),
    "scaledslider": (
        f"{PV} {LEVELS} horizontal show_scale scale_format increment limits_from_pv minimum maximum "
        "transparent font foreground_color background_color enabled"
    ),
    "tank": (
        f"{PV} format precision fill_color empty_color scale_visible opposite_scale_visible "
        "show_minor_ticks perpendicular_tick_labels horizontal tank_border_width limits_from_pv minimum "
        "maximum show_alarm_limits alarm_limits_from_pv level_lolo level_low level_high level_hihi "
        "minor_alarm_color major_alarm_color log_scale font foreground_color background_color"
    ),
    "progressbar": f"{PV} fill_color background_color horizontal limits_from_pv minimum maximum log_scale",
    "thermometer": f"{PV} fill_color limits_from_pv minimum maximum",
    "meter": (
        f"{PV} show_value show_units show_limits limits_from_pv minimum maximum needle_color knob_color "
        "log_scale format precision font foreground_color background_color"
    ),
    "stripchart": f"border_alarm_sensitive {CHART} label_font scale_font start end",
    "xyplot": f"border_alarm_sensitive {CHART} x_axis marker",
    "databrowser": "file macros show_toolbar selection_value_pv",
    "embedded": "file macros resize group_name transparent border_width border_color",
    "template": "file instances horizontal gap wrap_count transparent",
    "group": "style macros font foreground_color line_color background_color transparent",
    "table": (
        f"{PV} columns editable show_toolbar row_selection_mode selection_pv font foreground_color "
        "background_color"
    ),
}
PROPERTIES = {kind: frozenset(f"{EVERY} {own}".split()) for kind, own in OWN.items()}

NUMBERS = frozenset(
    (
        "x y width height bit startBit numBits precision minimum maximum increment border_width "
        "line_width corner_width corner_height gap wrap_count grid_step_x grid_step_y level_hihi "
        "level_high level_low level_lolo tank_border_width arrow_length point_size axis rotation opacity"
    ).split()
)
TRUTHS = frozenset(
    (
        "visible transparent auto_size wrap_words show_units interactive border_alarm_sensitive "
        "multi_line enabled square labels_from_pv horizontal bitReverse show_led items_from_pv editable "
        "show_scale limits_from_pv show_hihi show_high show_low show_lolo scale_visible "
        "opposite_scale_visible show_minor_ticks perpendicular_tick_labels show_alarm_limits "
        "alarm_limits_from_pv log_scale show_value show_limits show_toolbar show_legend show_grid "
        "autoscale grid_visible buttons_on_left on_right stretch_image"
    ).split()
)
ENUMS = {
    "format": 12, "horizontal_alignment": 3, "vertical_alignment": 3, "resize": 5, "style": 4, "mode": 3,
    "rotation_step": 4, "trace_type": 6, "point_type": 6, "line_style": 5, "row_selection_mode": 2,
    "arrows": 4, "direction": 2,
}  # fmt: skip
"""Written as ordinals: the number of values each has."""
ASKS_IN_FOUR_WAYS = frozenset({"bool_button", "checkbox", "slide_button"})
"""`show_confirm_dialog` is 0 to 3 there, true or false elsewhere."""

ACTIONS = {
    "open_display": frozenset("description file macros target name".split()),
    "write_pv": frozenset("description pv_name value".split()),
    "open_file": frozenset("description file".split()),
    "open_webpage": frozenset("description url".split()),
    "close_display": frozenset(("description",)),
}
TARGETS = frozenset(("replace", "tab", "window", "standalone"))
PARTS = {
    "trace": frozenset(
        (
            "name x_pv y_pv err_pv axis trace_type color line_width line_style point_type point_size visible"
        ).split()
    ),
    "y_axis": frozenset(
        (
            "title autoscale log_scale minimum maximum show_grid visible color on_right title_font scale_font"
        ).split()
    ),
    "x_axis": frozenset(
        "title autoscale log_scale minimum maximum show_grid visible title_font scale_font".split()
    ),
    "state": frozenset("value label color".split()),
    "rule": frozenset(("exp", "pv_name")),
    "column": frozenset("name width editable options".split()),
}
"""What is in a list of things, by the tag of one of them."""

CONTAINERS = frozenset(("display", "group"))
COLOURS_OF_PHOEBUS = frozenset(
    "OK MINOR MAJOR INVALID DISCONNECTED Text ActiveText Background Read_Background Write_Background "
    "Button_Background".split()
)
FONTS_OF_PHOEBUS = frozenset(
    ("Default", "Default Bold", "Header 1", "Header 2", "Header 3", "Comment", "Fine Print")
)
