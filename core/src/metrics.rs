//! Every metric, declared once: its name, its kind and its help text. Labels come from closed sets, never from ids.
