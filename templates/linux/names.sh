# What this package is, and what it goes by.
LP_PRODUCT={{ product|sh }}
LP_PACKAGE={{ package|sh }}
LP_VERSION={{ version|sh }}
LP_CHANNEL={{ channel|sh }}
# Names and places, from the tables in installers/contract/src/names.rs and places.rs; of all names and of those that last, the changed ones.
LP_SERVICE={{ service|sh }} LP_NAMES={{ name.fixed|sh }} LP_NAMES_ALL={{ name.all|sh }}
LP_N_VENDOR={{ name.vendor }} LP_N_CONNECTOR={{ name.connector }} LP_N_CONTAINERS={{ name.containers }} LP_N_START={{ name.start }} LP_N_STOP={{ name.stop }} LP_N_METRIC={{ name.metric }} LP_P_ETC={{ place.etc }} LP_P_LIB={{ place.lib }} LP_P_LOG={{ place.log }} LP_P_RUN={{ place.run }}
LP_CONTAINERS={{ container_names|sh }}
