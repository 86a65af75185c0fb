#!/usr/bin/env python3
"""Writes src/domain/validation/iso_codes.rs: the current ISO codes of languages, currencies and countries.

Needs pycountry (`pip install pycountry`), which packages the lists of Debian's iso-codes project.
"""

from importlib.metadata import version
from pathlib import Path

import pycountry

TARGET = Path(__file__).parents[1] / "src/domain/validation/iso_codes.rs"

# Withdrawn from ISO 639-1 in 2000; ISO 639-3, from which pycountry takes the codes, still lists it.
WITHDRAWN_LANGUAGES = {"sh"}


def table(name, description, codes):
    rows = ", ".join(f'"{code}"' for code in sorted(codes))
    return f"/// {description}\npub const {name}: &[&str] = &[{rows}];\n"


languages = {language.alpha_2 for language in pycountry.languages if hasattr(language, "alpha_2")} - WITHDRAWN_LANGUAGES
currencies = {currency.alpha_3 for currency in pycountry.currencies}
countries = {country.alpha_2 for country in pycountry.countries}

TARGET.write_text(
    f"""//! The current ISO codes, sorted. Written by `scripts/iso-codes.py` from pycountry {version("pycountry")} (year, month, day).

{table("LANGUAGES", "ISO 639-1.", languages)}
{table("CURRENCIES", "ISO 4217, with the codes for funds, metals and tests.", currencies)}
{table("COUNTRIES", "ISO 3166-1 alpha-2.", countries)}"""
)
